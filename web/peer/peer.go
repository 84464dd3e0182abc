// Package peer tells where a request comes from: the address of whoever sent it, and whether it was encrypted on the way.
//
// Anybody can write the headers in which a reverse proxy says that. They are believed from the proxies alone that somebody has
// named, see [Proxies].
package peer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the reverse proxies whose word counts.
type Proxies []netip.Prefix

// ParseProxies reads networks, such as 10.0.0.0/8, and single addresses.
func ParseProxies(entries ...string) (Proxies, error) {
	var all Proxies
	for _, e := range entries {
		if ip, err := netip.ParseAddr(e); err == nil && ip.Zone() == "" {
			all = append(all, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(e)
		switch {
		case err != nil || p.Addr().Is4In6():
			return nil, fmt.Errorf("%q: must be an IP address or a network, such as 10.0.0.0/8", e)
		case p != p.Masked():
			return nil, fmt.Errorf("%q: has bits after the first %d: the network is %s", e, p.Bits(), p.Masked())
		}
		all = append(all, p)
	}
	return all, nil
}

// Has reports whether an address is that of a proxy.
func (ps Proxies) Has(ip netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Peer is the other end of a request.
type Peer struct {
	// Address is the IP address of whoever sent it: the one that a proxy names, where it came through one. It is empty when it is
	// not known.
	Address string
	// Secure says that it was encrypted, here or up to the proxy.
	Secure bool
	// Near says that it came from this machine itself or from a proxy.
	Near bool
	// Unheard says that it claims to come from elsewhere, without coming from a proxy.
	Unheard bool
}

// Of is the other end of a request.
func (ps Proxies) Of(r *http.Request) Peer {
	ip, ok := remote(r)
	if !ok {
		return Peer{Secure: r.TLS != nil}
	}
	way, proto := told(r.Header)
	p := Peer{Secure: r.TLS != nil, Near: ip.IsLoopback(), Unheard: len(way) > 0}
	if ps.Has(ip) {
		p.Unheard = false
		p.Near = true
		p.Secure = p.Secure || strings.EqualFold(proto, "https")
		ip = ps.sender(ip, way)
	}
	p.Address = ip.String()
	return p
}

// sender is the last address of the way that is none of a proxy: what stands before it is that sender's own word. Where all are proxies
// it is the first of them, and where an entry cannot be read the one after it.
func (ps Proxies) sender(ip netip.Addr, way []string) netip.Addr {
	for _, text := range slices.Backward(way) {
		from, ok := address(text)
		if !ok {
			return ip
		}
		if ip = from; !ps.Has(ip) {
			return ip
		}
	}
	return ip
}

// told is what headers say: the way of a request from its sender on, and how it came to the last one who wrote that. Forwarded
// (RFC 7239) counts only without X-Forwarded-For and X-Forwarded-Proto: most proxies write these, and hand on the other as the
// client has sent it.
func told(h http.Header) (way []string, proto string) {
	forwarded, protos := split(h.Values("X-Forwarded-For")), split(h.Values("X-Forwarded-Proto"))
	if len(forwarded) > 0 || len(protos) > 0 {
		if len(protos) > 0 {
			proto = protos[len(protos)-1]
		}
		return forwarded, proto
	}
	return rfc7239(h.Values("Forwarded"))
}

// split are the entries of a header that commas separate.
func split(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	all := strings.Split(strings.Join(values, ","), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// rfc7239 reads a Forwarded header: an entry of the way for each element, which is unknown where it names no sender, and the proto of
// the last element. Quotes are not heeded where elements begin: no proxy writes a comma into one, and a client that leaves a quote
// open cannot hide what the proxy has written behind it.
func rfc7239(values []string) (way []string, proto string) {
	for _, element := range split(values) {
		from := "unknown"
		proto = ""
		for part := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if quoted, ok := strings.CutPrefix(value, `"`); ok {
				value = strings.TrimSuffix(quoted, `"`)
			}
			switch strings.ToLower(name) {
			case "for":
				from = value
			case "proto":
				proto = value
			}
		}
		way = append(way, from)
	}
	return way, proto
}

// address reads an entry of the way, in which some proxies write the port too.
func address(text string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(text)
		ip = with.Addr()
	}
	return ip.Unmap().WithZone(""), err == nil
}

// remote is the address at the other end of the connection.
func remote(r *http.Request) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(host)
	return ip.Unmap().WithZone(""), err == nil
}

type key struct{}

// With is a request that knows its other end, for [From].
func With(r *http.Request, p Peer) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), key{}, p))
}

// AddressIn is the address of whoever sent the request of a context, as [With] has told it; empty when it did not.
func AddressIn(ctx context.Context) string {
	p, _ := ctx.Value(key{}).(Peer)
	return p.Address
}

// From is the other end of a request, which [With] has told it, or else the end of its connection.
func From(r *http.Request) Peer {
	if p, ok := r.Context().Value(key{}).(Peer); ok {
		return p
	}
	return Proxies(nil).Of(r)
}
