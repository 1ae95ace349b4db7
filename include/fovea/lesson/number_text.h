// Numbers as a lesson prints them: the same text in its sentences and in its figures.
#pragma once

#include <string>

namespace fovea::lesson {

/// Returns "0.2379": `digits` decimals, so that columns line up. A number that this would print as
/// 0 without being 0, or that has more than six digits before the point (15 with no decimals), is
/// scientific ("3.1e-09", "2.688e+43"). "nan", "inf", "-inf".
std::string number_text(double value, int digits);

/// Returns "25 %", "24.6 %": the fraction in per cent, with `decimals` decimals, rounded to
/// nearest.
std::string percent_text(double fraction, int decimals);

}  // namespace fovea::lesson
