// Names what scripts/fetch-toxiproxy builds, so that go.mod and go.sum hold versions and checksums.
//
//go:build never

package proxy

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
