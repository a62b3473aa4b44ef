#include "server/token_proof.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <string>

namespace belay {

Result<ProofBytes> token_proof(std::string_view token, std::string_view role,
                               const ProofBytes& challenge, ssl_st* connection) {
  constexpr std::string_view kLabel = "EXPORTER-belay-token";
  ProofBytes exported, proof;
  if (SSL_export_keying_material(connection, exported.data(), exported.size(), kLabel.data(),
                                 kLabel.size(), nullptr, 0, 0) != 1)
    return fail(EPROTO, "TLS gives no exporter value");
  std::string text(role);
  text.append(reinterpret_cast<const char*>(challenge.data()), challenge.size());
  text.append(reinterpret_cast<const char*>(exported.data()), exported.size());
  if (HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()),
           reinterpret_cast<const uint8_t*>(text.data()), text.size(), proof.data(),
           nullptr) == nullptr)
    return fail(EPROTO, "no HMAC-SHA256");
  return proof;
}

bool same_proof(const ProofBytes& a, const ProofBytes& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace belay
