// Package loopback tells the addresses that no other machine reaches from the others.
package loopback

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Check refuses an address to listen on that is none, or that other machines reach.
func Check(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q: must be an address and a port, such as 127.0.0.1:8080", address)
	}
	if !Is(host) {
		return fmt.Errorf("%q: other machines reach this address, and nobody has to sign in yet: use 127.0.0.1:%s, and a reverse proxy in front of it for other machines", address, port)
	}
	return nil
}

// Is reports whether a name or an address, without port and brackets, is one of those.
func Is(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
