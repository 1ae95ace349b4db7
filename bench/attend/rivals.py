"""The peers: prepared calls of torch and onnxruntime that answer the question of the given inputs."""

import math

import torch
import torch.nn.functional as functional

from inputs import torch_mask

# Above this the eager weights would not fit beside everything else.
MOST_EAGER_BYTES = 4 << 30


def torch_sdpa(inputs):
    """scaled_dot_product_attention, told as much as it can be told; None where it has no such rule."""
    if inputs.softcap or inputs.sinks is not None:
        return None
    arguments = {"enable_gqa": True} if inputs.group_size() > 1 else {}
    plain = inputs.bias is None and inputs.keep is None and inputs.alibi_slopes is None and inputs.window is None
    if plain and inputs.causal and inputs.query.shape[2] == inputs.key.shape[2]:
        arguments["is_causal"] = True
    else:
        arguments["attn_mask"] = torch_mask(inputs)
    return lambda: functional.scaled_dot_product_attention(inputs.query, inputs.key, inputs.value, **arguments)


def torch_packed(inputs):
    """The same with the rows of a group of heads given as rows of one head: what a caller who knows can do."""
    if inputs.group_size() == 1 or torch_mask(inputs) is not None or torch_sdpa(inputs) is None:
        return None
    batch, heads, queries, size = inputs.query.shape
    query = inputs.query.reshape(batch, inputs.key.shape[1], heads // inputs.key.shape[1] * queries, size)
    return lambda: functional.scaled_dot_product_attention(query, inputs.key, inputs.value).view(inputs.query.shape)


def torch_eager(inputs):
    """The textbook's lines in torch, with all weights in memory."""
    batch, heads, queries, size = inputs.query.shape
    key_heads, keys = inputs.key.shape[1:3]
    if batch * heads * queries * keys * inputs.query.element_size() > MOST_EAGER_BYTES:
        return None
    mask = torch_mask(inputs)
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=inputs.query.dtype).masked_fill_(~mask, -math.inf)
    grouped = (batch, key_heads, heads // key_heads, queries)
    query = inputs.query.reshape(*grouped, size)
    key = inputs.key.unsqueeze(2).transpose(-2, -1)
    value = inputs.value.unsqueeze(2)
    sinks = None if inputs.sinks is None else inputs.sinks.to(query.dtype).view(1, heads, 1, 1)

    def call():
        scores = torch.matmul(query, key).view(batch, heads, queries, keys).mul_(1 / math.sqrt(size))
        if inputs.softcap:
            scores.div_(inputs.softcap).tanh_().mul_(inputs.softcap)
        if mask is not None:
            scores.add_(mask)
        if sinks is not None:
            scores = torch.cat([scores, sinks.expand(batch, heads, queries, 1)], dim=-1)
        weights = torch.softmax(scores, dim=-1)[..., :keys]
        return torch.matmul(weights.reshape(*grouped, keys), value).view(inputs.query.shape)

    return call


class Onnxruntime:
    """Sessions of one operator each; none where onnxruntime is not installed."""

    def __init__(self):
        try:
            import onnx
            import onnxruntime
        except ImportError:
            onnx = onnxruntime = None
        self._onnx, self._runtime = onnx, onnxruntime

    def multi_head_attention(self, inputs, threads):
        """com.microsoft's MultiHeadAttention: [batch, tokens, heads * size], as many key heads as query heads."""
        if not self._takes(inputs) or inputs.group_size() > 1:
            return None
        heads = inputs.query.shape[1]
        tensors = [tensor.transpose(1, 2).reshape(tensor.shape[0], tensor.shape[2], -1).contiguous()
                   for tensor in (inputs.query, inputs.key, inputs.value)]
        attributes = {"num_heads": heads, "unidirectional": int(inputs.causal)}
        call = self._session("MultiHeadAttention", "com.microsoft", attributes, tensors, threads)
        batch, _, queries, size = inputs.query.shape
        return call and (lambda: call().view(batch, queries, heads, size).transpose(1, 2))

    def attention(self, inputs, threads):
        """ONNX's Attention of opset 23: [batch, heads, tokens, size]."""
        if not self._takes(inputs) or (inputs.causal and inputs.query.shape[2] != inputs.key.shape[2]):
            return None
        tensors = [tensor.contiguous() for tensor in (inputs.query, inputs.key, inputs.value)]
        return self._session("Attention", "", {"is_causal": int(inputs.causal)}, tensors, threads)

    def _takes(self, inputs):
        rules = (inputs.bias, inputs.keep, inputs.alibi_slopes, inputs.sinks, inputs.window)
        plain = all(rule is None for rule in rules) and not inputs.softcap
        return self._runtime is not None and plain and inputs.query.dtype == torch.float32

    def _session(self, operator, domain, attributes, tensors, threads):
        """A call that runs the operator on the tensors into memory of its own; None when it is not to be had."""
        helper, f32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        names = ["query", "key", "value"]
        node = helper.make_node(operator, names, ["output"], domain=domain, **attributes)
        infos = [helper.make_tensor_value_info(name, f32, list(tensor.shape)) for name, tensor in zip(names, tensors)]
        output = torch.zeros_like(tensors[0])
        result = helper.make_tensor_value_info("output", f32, list(output.shape))
        versions = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(helper.make_graph([node], "attention", infos, [result]), opset_imports=versions,
                                  ir_version=10)
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = self._runtime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
            binding = session.io_binding()
            for name, tensor in zip(names, tensors):
                binding.bind_input(name, "cpu", 0, "float32", list(tensor.shape), tensor.data_ptr())
            binding.bind_output("output", "cpu", 0, "float32", list(output.shape), output.data_ptr())
            session.run_with_iobinding(binding)
        except Exception:  # onnxruntime's own kinds of exceptions: this version lacks the operator
            return None

        def call():
            session.run_with_iobinding(binding)
            return output

        call.held = tensors
        return call
