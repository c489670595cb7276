#include "graphite-bridge/picture/typefaces.hpp"

#include <cairo-ft.h>

#include <algorithm>
#include <cstddef>

namespace dadvisor::graphite::picture {
namespace {

FcChar8 const* text_of(char const* text) { return reinterpret_cast<FcChar8 const*>(text); }

// Which letters the context's font has, by the bytes that each takes.
struct Known {
  std::size_t bytes;
  bool has;
};

std::vector<Known> known_letters(cairo_t* context, std::string const& text) {
  std::vector<Known> out;
  cairo_glyph_t* glyphs = nullptr;
  cairo_text_cluster_t* clusters = nullptr;
  int glyph_count = 0, cluster_count = 0;
  cairo_text_cluster_flags_t flags{};
  auto const status = cairo_scaled_font_text_to_glyphs(
      cairo_get_scaled_font(context), 0, 0, text.c_str(), static_cast<int>(text.size()), &glyphs,
      &glyph_count, &clusters, &cluster_count, &flags);
  if (status == CAIRO_STATUS_SUCCESS) {
    cairo_glyph_t const* glyph = glyphs;
    for (int i = 0; i < cluster_count; ++i) {
      bool const has = std::all_of(glyph, glyph + clusters[i].num_glyphs,
                                   [](cairo_glyph_t const& one) { return one.index != 0; });
      out.push_back({static_cast<std::size_t>(clusters[i].num_bytes), has});
      glyph += clusters[i].num_glyphs;
    }
  }
  cairo_glyph_free(glyphs);
  cairo_text_cluster_free(clusters);
  return out;
}

FcChar32 letter_at(std::string const& text, std::size_t at) {
  FcChar32 out = 0;
  FcUtf8ToUcs4(text_of(text.c_str()) + at, &out, static_cast<int>(text.size() - at));
  return out;
}

}  // namespace

void Typefaces::select(cairo_t* context, Font const& font) {
  font_ = font;
  cairo_select_font_face(context, clean_text(font.name).c_str(),
                         font.italic ? CAIRO_FONT_SLANT_ITALIC : CAIRO_FONT_SLANT_NORMAL,
                         font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, font.size);
}

double Typefaces::width(cairo_t* context, std::string const& text) {
  double out = 0;
  auto* const usual = cairo_font_face_reference(cairo_get_font_face(context));
  for (auto const& piece : pieces_of(context, text)) {
    cairo_set_font_face(context, piece.face ? piece.face : usual);
    cairo_text_extents_t extents;
    cairo_text_extents(context, piece.text.c_str(), &extents);
    out += extents.x_advance;
  }
  cairo_set_font_face(context, usual);
  cairo_font_face_destroy(usual);
  return out;
}

void Typefaces::show(cairo_t* context, std::string const& text) {
  auto* const usual = cairo_font_face_reference(cairo_get_font_face(context));
  for (auto const& piece : pieces_of(context, text)) {
    cairo_set_font_face(context, piece.face ? piece.face : usual);
    cairo_show_text(context, piece.text.c_str());
  }
  cairo_set_font_face(context, usual);
  cairo_font_face_destroy(usual);
}

std::vector<Typefaces::Piece> Typefaces::pieces_of(cairo_t* context, std::string const& text) {
  bool const plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (plain) return {{text, nullptr}};  // ASCII, which every font has
  std::vector<Piece> out;
  std::size_t at = 0;
  for (auto const& letter : known_letters(context, text)) {
    auto* const face = letter.has ? nullptr : face_for(letter_at(text, at));
    if (out.empty() || out.back().face != face) out.push_back({{}, face});
    out.back().text += text.substr(at, letter.bytes);
    at += letter.bytes;
  }
  if (at != text.size()) return {{text, nullptr}};  // cairo knows no letters of this font
  return out;
}

cairo_font_face_t* Typefaces::face_for(FcChar32 letter) {
  for (auto const& other : others_) {
    bool const same = other.bold == font_.bold && other.italic == font_.italic;
    if (same && FcCharSetHasChar(other.letters, letter)) return other.face.get();
  }
  if (std::find(nowhere_.begin(), nowhere_.end(), letter) != nowhere_.end()) return nullptr;
  auto pattern = find(letter);
  FcCharSet* letters = nullptr;
  if (pattern && FcPatternGetCharSet(pattern.get(), FC_CHARSET, 0, &letters) == FcResultMatch &&
      FcCharSetHasChar(letters, letter)) {
    Face face(cairo_ft_font_face_create_for_pattern(pattern.get()));
    if (cairo_font_face_status(face.get()) == CAIRO_STATUS_SUCCESS) {
      others_.push_back({std::move(pattern), letters, std::move(face), font_.bold, font_.italic});
      return others_.back().face.get();
    }
  }
  nowhere_.push_back(letter);
  return nullptr;
}

Typefaces::Pattern Typefaces::find(FcChar32 letter) const {
  Pattern wanted(FcPatternCreate());
  std::unique_ptr<FcCharSet, Freer<FcCharSetDestroy>> const letters(FcCharSetCreate());
  if (!wanted || !letters) return nullptr;
  FcCharSetAddChar(letters.get(), letter);
  FcPatternAddCharSet(wanted.get(), FC_CHARSET, letters.get());
  FcPatternAddString(wanted.get(), FC_FAMILY, text_of("sans-serif"));
  // Han letters have forms by country; that of ours does not hang on the server's locale.
  FcPatternAddString(wanted.get(), FC_LANG, text_of("zh-cn"));
  FcPatternAddInteger(wanted.get(), FC_WEIGHT, font_.bold ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR);
  FcPatternAddInteger(wanted.get(), FC_SLANT, font_.italic ? FC_SLANT_ITALIC : FC_SLANT_ROMAN);
  FcPatternAddBool(wanted.get(), FC_SCALABLE, FcTrue);
  FcPatternAddBool(wanted.get(), FC_COLOR, FcFalse);
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultNoMatch;
  return Pattern(FcFontMatch(nullptr, wanted.get(), &result));
}

}  // namespace dadvisor::graphite::picture
