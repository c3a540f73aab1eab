"""Networks for other programs, and from them: PyTorch, ONNX, GLSL, Picbreeder."""
