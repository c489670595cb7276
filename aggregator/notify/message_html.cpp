#include "aggregator/notify/message_html.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "aggregator/notify/message_text.hpp"
#include "common/core/config/value.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

namespace {

using alert::Status;
using alert::Transition;

constexpr std::size_t shown_notices = 20;

// Readable on white as on black where a program keeps them; contrast with white at least 4.5.
struct StateLook {
  char const* solid;  // behind white text
  char const* tint;   // behind dark text, for light programs alone
};
StateLook look_of(std::string const& word) {
  if (word == "CRIT") return {"#c92a2a", "#fff5f5"};
  if (word == "WARN") return {"#b35900", "#fff7ed"};
  if (word == "NODATA") return {"#5c6670", "#f4f5f7"};
  return {"#23773a", "#f0faf3"};
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char const c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string clock_minutes(std::int64_t unix) {
  return fmt::format("{:%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(unix)));
}

constexpr char const* font =
    "font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei',Helvetica,Arial,"
    "sans-serif;";

constexpr std::string_view head =
    R"html(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<style>
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#15181c!important}
.card{background:#1f2429!important;border-color:#343b43!important}
.ink{color:#e9ecef!important}
.dim{color:#a5aeb8!important}
.line{border-color:#343b43!important}
.tint{background:#272d34!important}
a.link{color:#74b9ff!important}
}
@media (max-width:620px){.pad{padding-left:16px!important;padding-right:16px!important}}
</style></head>
)html";

class Page {
 public:
  Page(Batch const& batch, MessageContext const& context, std::string_view external_url,
       std::string_view picture)
      : batch_(batch),
        context_(context),
        url_(external_url),
        picture_(picture),
        first_(gravest(batch)),
        word_(state_word(first_)) {}

  std::string text() {
    auto const look = look_of(word_);
    out_ = head;
    out_ += fmt::format(
        "<body class=\"page\" style=\"margin:0;padding:0;background:#eef0f3;\">\n"
        "<div style=\"display:none;max-height:0;overflow:hidden;\">{}</div>\n"
        "<table role=\"presentation\" class=\"page\" width=\"100%\" cellpadding=\"0\" "
        "cellspacing=\"0\" border=\"0\" style=\"background:#eef0f3;\"><tr>"
        "<td align=\"center\" style=\"padding:20px 8px;\">\n"
        "<table role=\"presentation\" class=\"card\" width=\"600\" cellpadding=\"0\" "
        "cellspacing=\"0\" border=\"0\" style=\"width:100%;max-width:600px;background:#ffffff;"
        "border:1px solid #dfe3e8;border-radius:8px;{}\">\n"
        "<tr><td style=\"height:5px;line-height:5px;font-size:0;background:{};border-radius:7px "
        "7px "
        "0 0;\">&nbsp;</td></tr>\n",
        escape_html(finding(first_)), font, look.solid);
    top();
    picture();
    links();
    if (batch_.notices.size() > 1) notices();
    worst();
    events();
    facts();
    foot();
    out_ += "</table></td></tr></table></body></html>\n";
    return std::move(out_);
  }

 private:
  void row(char const* padding, std::string const& content, char const* further = "") {
    out_ += fmt::format("<tr><td class=\"pad\" style=\"padding:{};{}\">{}</td></tr>\n", padding,
                        further, content);
  }

  void heading(std::string const& text) {
    row("18px 24px 4px 24px",
        fmt::format("<div class=\"dim\" style=\"font-size:12px;font-weight:600;letter-spacing:.5px;"
                    "text-transform:uppercase;color:#66707a;\">{}</div>",
                    escape_html(text)));
  }

  void top() {
    auto const look = look_of(word_);
    auto const title =
        printable(first_.state.title.empty() ? first_.rule : first_.state.title, 200);
    std::string more;
    if (batch_.notices.size() > 1)
      more = is_digest(batch_) ? fmt::format("{} alerts", batch_.notices.size())
                               : fmt::format("{} instances", batch_.notices.size());
    row("20px 24px 0 24px",
        fmt::format(
            "<span style=\"display:inline-block;padding:3px 10px;border-radius:4px;background:{};"
            "color:#ffffff;font-size:13px;font-weight:700;letter-spacing:.5px;\">{}</span>"
            "<span class=\"dim\" "
            "style=\"color:#66707a;font-size:13px;padding-left:10px;\">{}</span>",
            look.solid, word_, escape_html(more)));
    row("10px 24px 0 24px",
        fmt::format("<div class=\"ink\" style=\"font-size:21px;line-height:1.3;font-weight:650;"
                    "color:#1b1f24;\">{}</div>",
                    escape_html(title)));
    row("12px 24px 4px 24px",
        fmt::format(
            "<table role=\"presentation\" class=\"tint\" width=\"100%\" cellpadding=\"0\" "
            "cellspacing=\"0\" border=\"0\" style=\"background:{};border-radius:6px;\"><tr>"
            "<td style=\"padding:12px 16px;\"><span class=\"ink\" style=\"font-size:28px;"
            "font-weight:700;color:#1b1f24;white-space:nowrap;\">{}</span></td>"
            "<td width=\"100%\" style=\"padding:12px 16px 12px 4px;\"><div class=\"ink\" "
            "style=\"font-size:14px;line-height:1.45;color:#1b1f24;\">{}</div><div class=\"dim\" "
            "style=\"font-size:13px;line-height:1.45;color:#66707a;\">{}</div></td></tr></table>",
            look.tint, escape_html(big_figure()), escape_html(verdict()),
            escape_html(whose() + span_text(first_))));
  }

  // Of several, the one that the big figure is of.
  std::string whose() const {
    return batch_.notices.size() > 1 ? short_name(first_) + ", " : std::string();
  }
  // The value; where there is none, the last one that there was.
  std::string big_figure() const { return first_.state.value ? value_text(first_) : "no data"; }
  std::string verdict() const {
    auto const& state = first_.state;
    if (state.status == Status::firing)
      return fmt::format("{} when {}", alert::to_string(state.level), first_.condition);
    if (state.status == Status::nodata)
      return fmt::format("was the last value; no data since {}", clock_text(state.last_data));
    if (first_.reason == alert::Reason::gone)
      return state.value ? "was the last value; it has ended" : "it has ended";
    if (first_.reason == alert::Reason::cleared || first_.reason == alert::Reason::none)
      return first_.condition.empty() ? "data is back" : "good again; it was " + first_.condition;
    return finding(first_);
  }

  void picture() {
    if (picture_.empty()) return;
    row("14px 24px 0 24px",
        fmt::format(
            "<img src=\"cid:{}\" width=\"{:.0f}\" alt=\"{}\" style=\"display:block;width:100%;"
            "max-width:{:.0f}px;height:auto;border:0;border-radius:6px;color:#66707a;font-size:"
            "13px;\">",
            picture_, picture_width, escape_html(picture_text(first_, context_)), picture_width));
  }

  std::string cell(std::string const& content, char const* style) const {
    return fmt::format(
        "<td class=\"ink line\" valign=\"top\" style=\"padding:7px 8px 7px 0;"
        "border-top:1px solid #e7eaee;font-size:14px;line-height:1.4;color:#1b1f24;"
        "{}\">{}</td>",
        style, content);
  }
  void table(std::string const& rows) {
    row("4px 24px 0 24px",
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" "
        "border=\"0\" style=\"border-collapse:collapse;table-layout:auto;\">" +
            rows + "</table>");
  }
  std::string small(std::string const& text) const {
    return "<div class=\"dim\" style=\"font-size:12px;color:#66707a;\">" + text + "</div>";
  }

  void notices() {
    heading(is_digest(batch_) ? "In this message" : "Instances in this message");
    std::string rows;
    auto const all = by_gravity(batch_);
    for (std::size_t i = 0; i < std::min(all.size(), shown_notices); ++i) {
      auto const& one = *all[i];
      auto const word = state_word(one);
      rows +=
          "<tr>" +
          cell(fmt::format("<span style=\"display:inline-block;padding:1px 6px;border-radius:3px;"
                           "background:{};color:#ffffff;font-size:11px;font-weight:700;\">{}"
                           "</span>",
                           look_of(word).solid, word),
               "width:80px;") +
          cell((is_digest(batch_) ? escape_html(printable(one.state.title, 200)) + "<br>" : "") +
                   escape_html(short_name(one)) +
                   small(escape_html(fmt::format("{}; {}", finding(one), span_text(one)))),
               "word-break:break-word;") +
          "</tr>";
    }
    if (all.size() > shown_notices)
      rows +=
          "<tr>" + cell("", "") +
          cell(fmt::format("and {} more, all of them in the text part", all.size() - shown_notices),
               "") +
          "</tr>";
    table(rows);
  }

  void worst() {
    if (context_.series < 2) return;
    heading(fmt::format("Worst of {}, by the last value", context_.series));
    double most = 0;
    for (auto const& one : context_.worst) most = std::max(most, one.value.value_or(0));
    std::string rows;
    for (auto const& one : context_.worst) {
      auto const share = most > 0 ? std::clamp(one.value.value_or(0) / most, 0.0, 1.0) * 100 : 0;
      rows += "<tr>" + cell(escape_html(printable(one.name, 160)), "word-break:break-word;") +
              cell(fmt::format("<div style=\"height:8px;width:{:.0f}%;min-width:1px;background:{};"
                               "border-radius:2px;margin-top:6px;font-size:0;\">&nbsp;</div>",
                               share, look_of(word_).solid),
                   "width:120px;") +
              cell("<b>" + (one.value ? number_text(*one.value) : std::string("absent")) + "</b>",
                   "text-align:right;white-space:nowrap;padding-right:0;width:80px;") +
              "</tr>";
    }
    table(rows);
  }

  void events() {
    if (context_.events.empty()) return;
    heading("What changed in the hour before");
    std::string rows;
    for (auto const& event : context_.events)
      rows += "<tr>" + cell(clock_minutes(event.when), "width:70px;white-space:nowrap;") +
              cell(escape_html(printable(event.what, 200)), "word-break:break-word;") + "</tr>";
    table(rows);
  }

  void facts() {
    std::string rows;
    auto const fact = [&](char const* name, std::string const& value) {
      if (value.empty()) return;
      rows += "<tr>" +
              cell(fmt::format("<span class=\"dim\" style=\"color:#66707a;\">{}</span>", name),
                   "width:90px;") +
              cell(escape_html(value), "word-break:break-word;") + "</tr>";
    };
    if (!is_digest(batch_)) fact("App", label(first_, "app"));
    fact("Owner", label(first_, "owner"));
    if (batch_.notices.size() == 1) {
      fact("Host", label(first_, "host"));
      fact("Instance", label(first_, "instance"));
      fact("Image", label(first_, "image"));
    }
    fact("Cluster", label(first_, "cluster"));
    fact("Rule", first_.rule);
    fact("Target", printable(first_.expr, 512));
    fact("Incident", first_.state.incident);
    heading(is_digest(batch_) ? "Details of the first" : "Details");
    table(rows);
  }

  void links() {
    std::string buttons;
    auto const button = [&](char const* text, std::string const& to, bool main) {
      buttons += fmt::format(
          "<a href=\"{}\" class=\"{}\" style=\"display:inline-block;margin:0 8px 8px 0;padding:9px "
          "16px;border-radius:5px;font-size:14px;font-weight:600;text-decoration:none;{}\">{}</a>",
          escape_html(to), main ? "" : "link line",
          main ? "background:#1864ab;color:#ffffff;border:1px solid #1864ab;"
               : "color:#1864ab;border:1px solid #cbd2d9;",
          text);
    };
    if (!first_.expr.empty() && !url_.empty())
      button("Open the graph", render_url(url_, first_), true);
    if (auto const runbook = label(first_, "runbook");
        runbook.starts_with("http://") || runbook.starts_with("https://"))
      button("Runbook", runbook, false);
    if (!buttons.empty()) row("16px 24px 0 24px", buttons);
  }

  void foot() {
    row("14px 24px 20px 24px",
        fmt::format("<div class=\"dim line\" style=\"border-top:1px solid #e7eaee;padding-top:12px;"
                    "font-size:12px;line-height:1.5;color:#66707a;\">{}<br>All times are UTC. Sent "
                    "by dAdvisor.</div>",
                    escape_html(why_text(batch_))));
  }

  Batch const& batch_;
  MessageContext const& context_;
  std::string_view url_, picture_;
  Transition const& first_;
  std::string const word_;
  std::string out_;
};

}  // namespace

std::string picture_text(Transition const& notice, MessageContext const& context) {
  auto text =
      fmt::format("Graph of {} from {} to {} UTC: {}", printable(notice.expr, 200),
                  clock_minutes(context.from), clock_minutes(context.until), finding(notice));
  for (std::size_t i = 0; i < context.worst.size() && context.series > 1; ++i)
    text += fmt::format("{} {} {}", i == 0 ? "; worst:" : ",", printable(context.worst[i].name, 80),
                        context.worst[i].value ? number_text(*context.worst[i].value) : "absent");
  return text;
}

std::string html_body(Batch const& batch, MessageContext const& context,
                      std::string_view external_url, std::string_view picture) {
  return Page(batch, context, external_url, picture).text();
}

}  // namespace dadvisor::aggregator::notify
