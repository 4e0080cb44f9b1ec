"""The fields of Caffe's messages: those that change what a network is or costs, and those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass

from workloads.importers.from_caffe.text import Message


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of fields: `read` ones are modelled, `free` ones say nothing of shapes or costs."""

    read: frozenset[str]
    free: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        """All of them."""
        return self.read | self.free


def fields(read: str, free: str = "") -> Fields:
    """Return the fields that two lists of words name."""
    return Fields(frozenset(read.split()), frozenset(free.split()))


_WINDOW = "kernel_size kernel_h kernel_w stride stride_h stride_w pad pad_h pad_w"
_FILLERS = "weight_filler bias_filler"
_CURVE = fields("", "base scale shift")
_ROIS = "spatial_scale pad_ratio"
_SOURCE = (
    "source batch_size rand_skip scale mean_file mirror backend prefetch force_encoded_color label_type cache shuffle"
    " threads parser_threads"
)
_TYPES = "forward_type backward_type forward_math backward_math debug"  # NVIDIA's numbers of each layer

NET = fields(
    "name input input_dim input_shape layer layers",
    "state force_backward debug_info default_forward_type default_backward_type default_forward_math"
    " default_backward_math global_grad_scale",
)
LAYER = fields(
    "name type bottom top include exclude",
    "phase param blobs blobs_lr weight_decay loss_weight propagate_down blob_share_mode loss_param quantization_param"
    f" {_TYPES}",
)
RULE = fields("phase min_level max_level stage not_stage")
MESSAGES: Mapping[str, Fields] = {
    "accuracy_param": fields("", "top_k axis ignore_label"),
    "annotated_data_param": fields("", "batch_sampler label_map_file anno_type"),
    "argmax_param": fields("axis top_k out_max_val"),
    "batch_norm_param": fields(
        "", "use_global_stats moving_average_fraction eps scale_bias scale_filler bias_filler engine"
    ),
    "bias_param": fields("axis", "num_axes filler"),
    "bn_param": fields(
        "", "scale_filler shift_filler slope_filler bias_filler bn_mode eps var_eps momentum frozen engine icnet"
    ),
    "clip_param": fields("min max"),
    "concat_param": fields("axis concat_dim"),
    "continuation_indicator_param": fields("", "time_step batch_size axis"),
    "contrastive_loss_param": fields("", "margin legacy_version"),
    "convolution_param": fields(
        f"num_output bias_term group dilation dilation_h dilation_w {_WINDOW}",
        f"{_FILLERS} axis engine force_nd_im2col cudnn_convolution_algo_seeker cudnn_math_override conv_algos_override",
    ),
    "crop_param": fields("axis offset"),
    "data_param": fields("crop_size", _SOURCE),
    "detection_evaluate_param": fields(
        "", "num_classes background_label_id overlap_threshold evaluate_difficult_gt name_size_file"
    ),
    "detection_output_param": fields(
        "",
        "num_classes share_location background_label_id nms_param save_output_param code_type keep_top_k"
        " variance_encoded_in_target confidence_threshold visualize visualize_threshold save_file objectness_score",
    ),
    "dropout_param": fields("", "dropout_ratio scale_train"),
    "dummy_data_param": fields("shape num channels height width", "data_filler"),
    "eltwise_param": fields("operation", "coeff stable_prod_grad"),
    "elu_param": fields("", "alpha"),
    "embed_param": fields("num_output bias_term", f"input_dim {_FILLERS}"),
    "exp_param": _CURVE,
    "flatten_param": fields("axis end_axis"),
    "hdf5_data_param": fields("", "source batch_size shuffle"),
    "hdf5_output_param": fields("", "file_name"),
    "hinge_loss_param": fields("", "norm"),
    "image_data_param": fields("crop_size new_height new_width", f"is_color root_folder {_SOURCE}"),
    "infogain_loss_param": fields("", "source axis"),
    "inner_product_param": fields("num_output bias_term axis", f"{_FILLERS} transpose"),
    "input_param": fields("shape"),
    "interp_param": fields("height width zoom_factor shrink_factor pad_beg pad_end"),
    "log_param": _CURVE,
    "lrn_param": fields("local_size norm_region", "alpha beta k engine"),
    "memory_data_param": fields("channels height width", "batch_size"),
    "multibox_loss_param": fields(
        "",
        "loc_loss_type conf_loss_type loc_weight num_classes share_location match_type overlap_threshold"
        " use_prior_for_matching background_label_id use_difficult_gt do_neg_mining neg_pos_ratio neg_overlap code_type"
        " encode_variance_in_target map_object_to_agnostic ignore_cross_boundary_bbox bp_inside mining_type nms_param"
        " sample_size use_prior_for_nms",
    ),
    "mvn_param": fields("across_channels", "normalize_variance eps"),
    "norm_param": fields("across_spatial", "scale_filler channel_shared eps"),
    "parameter_param": fields("shape"),
    "permute_param": fields("order"),
    "pooling_param": fields(f"pool global_pooling round_mode ceil_mode {_WINDOW}", "engine"),
    "power_param": fields("power scale shift"),
    "prelu_param": fields("", "filler channel_shared"),
    "prior_box_param": fields(
        "",
        "min_size max_size aspect_ratio flip clip variance img_size img_h img_w step step_h step_w offset",
    ),
    "proposal_param": fields(
        "post_nms_topn",
        "feat_stride base_size min_size ratio scale pre_nms_topn nms_thresh",
    ),
    "psroi_pooling_param": fields("output_dim group_size", _ROIS),
    "python_param": fields("layer", "module param_str share_in_parallel"),
    "recurrent_param": fields("num_output", f"{_FILLERS} debug_info expose_hidden"),
    "reduction_param": fields("operation axis", "coeff"),
    "relu6_param": fields("", "engine"),
    "relu_param": fields("negative_slope", "engine"),
    "reorg_param": fields("stride reverse"),
    "reshape_param": fields("shape axis num_axes"),
    "roi_pooling_param": fields("pooled_h pooled_w", _ROIS),
    "scale_param": fields("axis", "num_axes filler bias_term bias_filler"),
    "shuffle_channel_param": fields("group"),
    "sigmoid_param": fields("", "engine"),
    "slice_param": fields("axis slice_point slice_dim"),
    "softmax_param": fields("", "engine axis"),
    "spp_param": fields("pyramid_height pool", "engine"),
    "swish_param": fields("", "beta"),
    "tanh_param": fields("", "engine"),
    "threshold_param": fields("", "threshold"),
    "tile_param": fields("axis tiles"),
    "transform_param": fields(
        "crop_size crop_h crop_w resize_param force_gray",
        "scale mirror mean_file mean_value force_color noise_param distort_param expand_param emit_constraint",
    ),
    "transpose_param": fields("dim"),
    "upsample_param": fields(
        "scale scale_h scale_w pad_out_h pad_out_w upsample_h upsample_w height width stride", "mode"
    ),
    "window_data_param": fields(
        "crop_size",
        f"{_SOURCE} fg_threshold bg_threshold fg_fraction context_pad crop_mode cache_images root_folder",
    ),
}
"""Message of a layer's parameters -> its fields; messages inside these are read by their layers, or not at all."""


def check_layer(layer: Message) -> None:
    """Raise InputError for a field, of a layer or of the messages in it, that is not known."""
    layer.check_names(LAYER.known | MESSAGES.keys())
    for name in layer.fields.keys() & MESSAGES.keys():
        for message in layer.messages(name):
            message.check_names(MESSAGES[name].known)
    for name in ("include", "exclude"):
        for rule in layer.messages(name):
            rule.check_names(RULE.known)
