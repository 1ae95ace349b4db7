"""fovea under any Hugging Face model that is on transformers' attention interface.

    fovea.hf.register()
    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="fovea")  # or model.set_attn_implementation("fovea")
    with torch.no_grad():
        attentions = model(**inputs, output_attentions=True).attentions  # a Lens a layer
    attentions[3].top(5), attentions[3].row(head=2, query=7)
"""

from transformers import AttentionInterface, AttentionMaskInterface

from .attention import attention
from .bertviz import to_bertviz
from .lens import Lens
from .masks import mask
from .observing import observe

__all__ = ["Lens", "observe", "register", "to_bertviz"]


def register(name: str = "fovea") -> None:
    """Makes `attn_implementation=name` known to transformers. To call it again changes nothing.

    Raises ValueError for a name to which transformers gives a meaning of its own.
    """
    for taken in ("eager", "sdpa", "flash", "flex_attention", "paged|", "/"):
        if taken in name:
            raise ValueError(f"fovea.hf.register: name is {name!r}; transformers gives names with {taken!r} another meaning")
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, mask)
