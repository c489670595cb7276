#pragma once
// The fonts that write a text: the one that was asked for and, letter by letter, others for what
// it does not have, so that names in Chinese are no boxes. cairo's own text functions take one font
// a text; pango would do this too, for a dozen libraries more in the packages.
//
// Fonts are looked for by fontconfig, of all that are installed; where none has a letter it is the
// asked one's box. What was found is kept: one object a picture. One thread at a time.

#include <cairo.h>
#include <fontconfig/fontconfig.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/picture/text.hpp"

namespace dadvisor::graphite::picture {

class Typefaces {
 public:
  // The font of `context` from here on.
  void select(cairo_t* context, Font const& font);
  // Of clean text, as it stands in the font that was selected.
  double width(cairo_t* context, std::string const& text);
  // At the current point, which moves to the text's end.
  void show(cairo_t* context, std::string const& text);

 private:
  template <auto Free>
  struct Freer {
    template <typename T>
    void operator()(T* value) const {
      Free(value);
    }
  };
  using Face = std::unique_ptr<cairo_font_face_t, Freer<cairo_font_face_destroy>>;
  using Pattern = std::unique_ptr<FcPattern, Freer<FcPatternDestroy>>;
  // A font that stands in.
  struct Other {
    Pattern pattern;  // owns letters
    FcCharSet const* letters;
    Face face;
    bool bold, italic;
  };
  // A part of a text with the font that has its letters; no face: the selected one.
  struct Piece {
    std::string text;
    cairo_font_face_t* face;
  };

  std::vector<Piece> pieces_of(cairo_t* context, std::string const& text);
  cairo_font_face_t* face_for(FcChar32 letter);
  Pattern find(FcChar32 letter) const;

  Font font_;
  std::vector<Other> others_;
  std::vector<FcChar32> nowhere_;  // letters that no font has
};

}  // namespace dadvisor::graphite::picture
