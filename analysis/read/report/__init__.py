"""A run as one HTML page that opens offline: cards, pictures, a table of layers that opens, a timeline."""

from analysis.read.report.page import comparison_html, report_html

__all__ = ["comparison_html", "report_html"]
