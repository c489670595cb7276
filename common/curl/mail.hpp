#pragma once
// One mail as the bytes that SMTP's DATA carries: built by hand, so that a test can read them.
//
// Everything that becomes a header is checked here: CR, LF and NUL are refused, so that no label
// of a container can add a header or a recipient. Non-ASCII header text becomes encoded words
// (RFC 2047), the body quoted-printable UTF-8 (RFC 2045 6.7). Pure functions, any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"

namespace dadvisor::curl {

// A picture within the mail, shown by <img src="cid:ID">.
struct MailImage {
  std::string content_id;  // left@domain
  std::string file_name;   // printable ASCII without quotes
  std::string png;         // its bytes
};

struct Mail {
  std::string from;       // bare address: user@domain
  std::string from_name;  // UTF-8, may be empty
  std::string to;         // bare address; one recipient a mail (see SmtpClient)
  std::string subject;    // UTF-8
  WallTime date{};
  std::string message_id;               // without angle brackets: left@domain
  std::vector<std::string> references;  // likewise; the first is In-Reply-To too
  std::vector<std::pair<std::string, std::string>> headers;  // further ones; values UTF-8
  std::string body;               // UTF-8, lines end with \n; complete without the rest
  std::string html;               // the same for programs that show it; empty: a text mail
  std::vector<MailImage> images;  // of the HTML
};

// The message: headers, an empty line, the body, all lines ending CRLF. With HTML the body is
// multipart/alternative {text, HTML}, with images too {text, multipart/related {HTML, PNG...}}.
// Auto-Submitted: auto-generated (RFC 3834) is always there, so that no vacation programme answers.
// Error malformed names the field that is refused.
Result<std::string> render(Mail const& mail);

// Whether `address` can stand in MAIL FROM and RCPT TO as it is: printable ASCII, one @ with text
// on both sides, none of <>()[]\,;:" and blanks. Narrower than RFC 5321, on purpose.
bool is_address(std::string_view address);

// Header text: itself if it is printable ASCII and fits one line behind `used` columns, else
// encoded words (base64, at most 75 characters each, never splitting a UTF-8 character), folded.
std::string encode_header_text(std::string_view text, std::size_t used);

// "Sun, 22 Nov 2026 23:57:01 +0000" (RFC 5322 3.3).
std::string mail_date(WallTime time);

std::string quoted_printable(std::string_view text);
std::string base64(std::string_view bytes);

}  // namespace dadvisor::curl
