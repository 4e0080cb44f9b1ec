"""Caffe's prototxt: parse protobuf's text format, choose the layers of the test phase, and add them one by one."""
