// Package listening reads the addresses at which a server listens, and tells those that no other machine reaches from the
// others.
package listening

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Split reads an address to listen on: an IP address, localhost or nothing, which is all addresses of the machine, and a port.
// localhost is the one of IPv4. Port 0 picks a free one.
func Split(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err == nil && isLocalhost(host) {
		host = "127.0.0.1" // what a resolver makes of the name is not asked
	}
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	if err != nil {
		return "", "", fmt.Errorf("%q: must be an IP address and a port, such as 127.0.0.1:8080", address)
	}
	return host, port, nil
}

// IsLoopback reports whether a name or an address, without port and brackets, is one that no other machine reaches.
func IsLoopback(host string) bool {
	if isLocalhost(host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func isLocalhost(host string) bool {
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}
