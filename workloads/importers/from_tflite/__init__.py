"""Import TensorFlow Lite models: each op as the ONNX nodes that mean the same, which one importer then reads."""
