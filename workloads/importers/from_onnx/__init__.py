"""ONNX models: strip the weights, read the graph, fold constants and idioms, and add a layer for each op."""
