// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL contexts for clients.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"

namespace narthex::net {

/// A client context with the CA and the client certificate of the options. Users of equal options
/// share it while one of them holds it, because the system's CAs alone take almost a megabyte and
/// tens of milliseconds; files are read again once they have changed. Thread safety: any thread.
/// Errors: kInvalidArgument or kIo naming the file.
Result<std::shared_ptr<boost::asio::ssl::context>> ClientTls(const TlsOptions& options);

/// Changes when one of the option's files changes: their sizes and modification times.
std::string TlsFilesState(const TlsOptions& options);

/// What the peer says by an alert, in Go's words; "" when `reason` of an OpenSSL error is none.
std::string_view AlertText(int reason);

/// Why a handshake failed, in Go's words where they are known ("x509: certificate signed by
/// unknown authority"). `ssl` may be null.
std::string DescribeTlsFailure(SSL* ssl, const boost::system::error_code& error,
                               const std::string& host);

}  // namespace narthex::net
