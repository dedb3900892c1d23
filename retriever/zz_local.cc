#include "lib/kernels/kernels.h"
#include "retriever/chunker.h"
#include <cmath>
namespace fovea {
std::string ContextualText(std::string_view title, std::string_view heading, std::string_view text) {
  std::string s(title); if (!heading.empty()) { s += '\n'; s += heading; } if (!s.empty()) s += '\n'; s += text; return s; }
float Dot(std::span<const float> a, std::span<const float> b) { float s=0; for (std::size_t i=0;i<a.size();++i) s+=a[i]*b[i]; return s; }
void DotRows(std::span<const float> q, ConstMatrixView v, std::span<float> out) { for (std::size_t r=0;r<v.rows;++r) out[r]=Dot(q,v.row_span(r)); }
void NormalizeInPlace(std::span<float> r) { float n=std::sqrt(Dot(r,r)); if(n>0) for(float&x:r) x/=n; }
}
