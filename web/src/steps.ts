// The steps of the notebook panel, in their order.
import { dot_step } from "./steps/dot.ts";
import { mask_step } from "./steps/mask.ts";
import { project_step } from "./steps/project.ts";
import { scale_step } from "./steps/scale.ts";
import { softmax_step } from "./steps/softmax.ts";
import { sum_step } from "./steps/sum.ts";
import { turn_step } from "./steps/turn.ts";
import type { Step } from "./step.ts";

/** A new step is a file and a line here. */
export const steps: readonly Step[] = [project_step, turn_step, dot_step, scale_step, mask_step, softmax_step, sum_step];
