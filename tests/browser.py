"""A headless browser without network, its own profile and no memory, and what a page says in it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE = 30  # seconds


def why_not() -> str:
    """What is missing for tests in a browser; "" where nothing is."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is missing: pip install 'squeezesim[dev]'"
    names = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(names)} missing: apt-get install chromium chromium-driver" if names else ""


class Browser:
    """A page in Chromium."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = 1400, colours: str = "light") -> None:
        """Load a page and wait until its script is through."""
        self.driver.set_window_size(width, 1000)
        features = [{"name": "prefers-color-scheme", "value": colours}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(page.resolve().as_uri())
        self.wait("typeof figures === 'object' && figures.length > 0")

    def run(self, script: str) -> Any:
        """Return what an expression of the page's script is."""
        return self.driver.execute_script(f"return {script}")

    def wait(self, condition: str) -> None:
        """Wait until an expression holds."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE, 0.03).until(lambda _: self.run(condition), condition)

    def one(self, selector: str) -> Any:
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        """Click the first element of a selector, once nothing that still moves lies over it."""
        from selenium.common.exceptions import ElementClickInterceptedException
        from selenium.webdriver.support.ui import WebDriverWait

        def clicked(_: Any) -> bool:
            self.one(selector).click()
            return True

        missed = (ElementClickInterceptedException,)
        WebDriverWait(self.driver, PATIENCE, 0.1, ignored_exceptions=missed).until(clicked, selector)

    def texts(self, selector: str) -> list[str]:
        """The text of each element of a CSS selector."""
        return list(self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((each) => each.textContent)"))

    def errors(self) -> list[str]:
        """What the page has complained of since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a new profile; the test is skipped where there is none."""
    if reason := why_not():
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
