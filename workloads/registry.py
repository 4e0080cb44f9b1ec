"""The bundled networks: name, and the function that builds it, loaded when asked for."""

BUILDERS = {
    "alexnet": "workloads.alexnet:alexnet",
    "condensenet": "workloads.condensenet:condensenet",
    "deeplabv3": "workloads.deeplabv3:deeplabv3",
    "densenet": "workloads.densenet:densenet",
    "efficientnet": "workloads.efficientnet:efficientnet",
    "googlenet": "workloads.googlenet:googlenet",
    "lraspp": "workloads.lraspp:lraspp",
    "mnasnet": "workloads.mnasnet:mnasnet",
    "mobilenet_v1": "workloads.mobilenet_v1:mobilenet_v1",
    "mobilenet_v2": "workloads.mobilenet_v2:mobilenet_v2",
    "mobilenet_v3": "workloads.mobilenet_v3:mobilenet_v3",
    "resnet": "workloads.resnet:resnet",
    "shufflenet_v1": "workloads.shufflenet_v1:shufflenet_v1",
    "shufflenet_v2": "workloads.shufflenet_v2:shufflenet_v2",
    "squeezenet": "workloads.squeezenet:squeezenet",
    "squeezenext": "workloads.squeezenext:squeezenext",
    "ssdlite": "workloads.ssdlite:ssdlite",
    "tiny_darknet": "workloads.tiny_darknet:tiny_darknet",
    "vgg": "workloads.vgg:vgg",
}
