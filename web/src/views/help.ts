// The keys, in a dialog.
import { button, el } from "../dom.ts";
import { key_list } from "../keyboard.ts";

export function help_dialog(): { root: HTMLDialogElement; open: () => void } {
  const rows = key_list.flatMap(({ shown, does }) => [el("dt", {}, ...shown.map((key) => el("kbd", {}, key))), el("dd", {}, does)]);
  const root = el("dialog.help", { id: "keys", "aria-labelledby": "keys-title" });
  const close = button("close", { class: "toggle" }, () => root.close());
  root.append(
    el("div.card-head", {}, el("h2", { id: "keys-title" }, "Keys"), close),
    el("dl.keys", {}, ...rows),
    el("p.note", {}, "Words with a dotted line are explained on hover or focus. The address holds what is picked: copy it to come back."),
  );
  root.addEventListener("click", (event) => {
    if (event.target === root) root.close();
  });
  return { root, open: () => (root.open ? root.close() : root.showModal()) };
}
