// Where things stand on the page: the one place that knows web/README.md's "What tests hold on to".

export const tokenAt = (page, token) => page.locator(`#tokens [role=option][data-token="${token}"]`);
export const headAt = (page, name) => page.locator(`#heads [role=option][data-head="${name}"]`);
export const stepAt = (page, name) => page.locator(`#notebook [data-step="${name}"]`);
export const control = (page, name, value) =>
  page.locator(`[data-control="${name}"]${value === undefined ? "" : ` [data-value="${value}"]`}`);

/** The end of the next frame in which all is up to date: what was clicked is on the screen, and what follows from it. */
export const painted = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        const look = () =>
          requestAnimationFrame(() => {
            const isWhole = document.documentElement.dataset.ready === "true";
            setTimeout(isWhole ? done : look, 0);
          });
        look();
      }),
  );

export async function pickToken(page, token, options = {}) {
  await tokenAt(page, token).click(options);
  await painted(page);
}

export async function pickHead(page, name) {
  await headAt(page, name).click();
  await painted(page);
}

/** What is picked, as the page says it: {token, head}, null where nothing is. */
export function picked(page) {
  return page.evaluate(() => {
    const of = (list, key) => document.querySelector(`#${list} [aria-selected="true"]`)?.dataset[key] ?? null;
    return { token: of("tokens", "token"), head: of("heads", "head") };
  });
}

/** The bars of the row card, from top to bottom: {end, weight} with the weight as it is written. */
export function bars(page) {
  return page.locator("#row [role=option]").evaluateAll((all) =>
    all.map((bar) => ({
      end: Number(bar.dataset.key ?? bar.dataset.query),
      weight: bar.querySelector(".weight").textContent.trim(),
    })),
  );
}

/** The heads in the order shown: {name, kind, kept, dim}; the filter dims. */
export function shownHeads(page) {
  return page.locator("#heads [role=option]").evaluateAll((all) =>
    all
      .filter((head) => head.checkVisibility())
      .map((head) => ({
        name: head.dataset.head,
        kind: head.dataset.kind,
        kept: "kept" in head.dataset,
        dim: head.classList.contains("dim"),
      })),
  );
}

export const currentStep = (page) => page.locator("#notebook [data-current=true]").getAttribute("data-step");

/** Names of the steps that the panel has. */
export const stepNames = (page) =>
  page.locator("#notebook [data-step]").evaluateAll((all) => all.map((step) => step.dataset.step));

/** The rows of the what-if: {end, before, after} as written. */
export function whatIf(page) {
  return page.locator("#what-if [data-key]:has(.old)").evaluateAll((all) =>
    all.map((row) => ({
      end: Number(row.dataset.key),
      before: row.querySelector(".old").textContent.trim(),
      after: row.querySelector(".new").textContent.trim(),
    })),
  );
}

/** Everything that can be read on the screen. */
export const text = (page) => page.evaluate(() => document.body.innerText);

/** Pixels by which the page is wider than its window. */
export const overhang = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
