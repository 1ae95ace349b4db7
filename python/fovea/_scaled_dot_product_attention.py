"""torch's scaled_dot_product_attention, by fovea."""

from __future__ import annotations

from typing import Any

from fovea._fovea import attend


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return what ``torch.nn.functional.scaled_dot_product_attention`` returns, as an array of the query's kind.

    Shapes: query [..., query_heads, queries, size], key [..., key_heads, keys, size], value [..., key_heads, keys,
    value_size], of any rank from 2 up; leading axes broadcast. ``attn_mask`` broadcasts to [..., query_heads, queries,
    keys]: bool (True = may attend) or floating (added to the scores). ``is_causal`` counts from the upper left corner, as
    torch does. Key heads may be fewer than query heads with ``enable_gqa``.

    A row that may attend to nothing is 0, as in torch. Unlike in torch, ``attn_mask`` and the arrays may differ in type.
    Raises ValueError for ``dropout_p`` other than 0, for a mask together with ``is_causal``, for shapes that do not fit,
    and for tensors that need a gradient; TypeError for what is no array.
    """
    if dropout_p != 0.0:
        raise ValueError(f"scaled_dot_product_attention: dropout_p is {dropout_p}; fovea computes inference alone: 0")
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: attn_mask is given together with is_causal; wanted one of them")
    if not _fits(query.shape, key.shape, value.shape, enable_gqa):
        return _by_reshaping(query, key, value, attn_mask, is_causal, scale, enable_gqa)
    if attn_mask is None:
        return attend(query, key, value, scale=scale, causal=is_causal, diagonal="top_left").output
    bias, keep = _split(attn_mask)
    return attend(query, key, value, scale=scale, bias=bias, keep=keep).output


def _fits(query: Any, key: Any, value: Any, enable_gqa: bool) -> bool:
    """Tell whether attend takes arrays of these shapes as they are. It comes first in every call: no slices, no loops."""
    rank = len(query)
    if len(key) != rank or len(value) != rank:
        return False
    if rank == 4:
        return bool(
            query[0] == key[0] == value[0] and key[1] == value[1] and (query[1] == key[1] or enable_gqa)
        )
    return rank == 2 or bool(rank == 3 and key[0] == value[0] and (query[0] == key[0] or enable_gqa))


def _split(attn_mask: Any) -> tuple[Any, Any]:
    """Return the mask as (bias, keep)."""
    if attn_mask is None:
        return None, None
    is_bool = str(attn_mask.dtype) in ("bool", "torch.bool")
    return (None, attn_mask) if is_bool else (attn_mask, None)


def _broadcast(array: Any, shape: tuple[int, ...]) -> Any:
    if hasattr(array, "expand"):
        return array.expand(shape)
    import numpy

    return numpy.broadcast_to(array, shape)


def _by_reshaping(
    query: Any, key: Any, value: Any, attn_mask: Any, is_causal: bool, scale: float | None, enable_gqa: bool
) -> Any:
    """Bring other ranks, and leading axes that broadcast, into attend's four axes."""
    import numpy

    arrays = {"query": query, "key": key, "value": value}
    for name, array in arrays.items():
        if array.ndim < 2:
            raise ValueError(
                f"scaled_dot_product_attention: {name} has shape {list(array.shape)}; wanted [..., heads, tokens, size]"
            )
    shapes = {name: (1,) * (3 - array.ndim) + tuple(array.shape) for name, array in arrays.items()}
    shown = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
    heads = {name: shape[-3] for name, shape in shapes.items()}
    try:
        batch = numpy.broadcast_shapes(*(shape[:-3] for shape in shapes.values()))
        if not enable_gqa:
            most = numpy.broadcast_shapes(*((count,) for count in heads.values()))[0]
            heads = dict.fromkeys(heads, most)
    except ValueError:
        raise ValueError(f"scaled_dot_product_attention: {shown} do not broadcast" + (
            "" if enable_gqa else "; fewer key heads than query heads take enable_gqa=True"
        )) from None
    wide = {
        name: _broadcast(array, (*batch, heads[name], *array.shape[-2:])).reshape(-1, heads[name], *array.shape[-2:])
        for name, array in arrays.items()
    }
    if attn_mask is not None:
        full = (*batch, heads["query"], query.shape[-2], key.shape[-2])
        attn_mask = _broadcast(attn_mask, full).reshape(-1, *full[-3:])
    bias, keep = _split(attn_mask)
    output = attend(
        wide["query"], wide["key"], wide["value"],
        scale=scale, bias=bias, keep=keep, causal=is_causal, diagonal="top_left",
    ).output
    leading = (*batch, heads["query"]) if max(array.ndim for array in arrays.values()) > 2 else ()
    return output.reshape(*leading, *output.shape[-2:])
