"""Play tiles through DMA, DRAM port, buffer slots and array, event by event."""
