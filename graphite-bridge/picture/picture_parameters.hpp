#pragma once
// What a request asks a picture to look like: PictureOptions from graphite-web's parameters and a
// few of our own.
//
// graphite-web's, as it takes them: width, height, margin, bgcolor, fgcolor, fontName, fontSize,
// fontBold, fontItalic, colorList, template, title, vtitle, vtitleRight, lineMode, lineWidth
// (thickness), connectedLimit, areaMode, areaAlpha, drawNullAsZero, hideLegend, uniqueLegend,
// hideNullFromLegend, hideAxes, hideXAxis, hideYAxis, hideGrid, graphOnly, majorGridLineColor,
// minorGridLineColor, minXStep, xFormat, tz, min, max, yMin, yMax (also "max"), yLimit, yStep, each
// also with Left and Right, yDivisors, minorY, yUnitSystem, yAxisSide, logBase (also "e"),
// {left,right}{Width,Color,Dashed}; graphType=pie with pieMode, pieLabels, valueLabels,
// valueLabelsMin, valueLabelsColor.
// template gives graphite-web's looks: one of its example file, of another name its default's;
// without it the look is ours.
// Ours: theme (light, dark or a template, and before that), unitSystem (as yUnitSystem), yUnit
// (behind the labels), threshold (repeated; VALUE, VALUE:LABEL or VALUE:warn|crit|info:LABEL),
// legendValues (of last, min, max, avg), labelLast, scale (device pixels a unit). Unknown names of
// themes and unit systems mean the default, as in graphite-web; so do empty values and, but for a
// template, "default". Other parameters are ignored.

#include "common/core/result.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

// Errc::malformed, one line that begins with the parameter's name: a value that is not what it
// must be, or is out of range.
Result<PictureOptions> parse_picture_options(Parameters const& parameters);

}  // namespace dadvisor::graphite::picture
