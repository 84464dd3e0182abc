package web

import (
	"net/http"
	"net/netip"

	"github.com/dingdag/dingdag/access"
)

// metrics answers scrapes. A program of this machine need not sign in; all others must: metrics have names of all DAGs.
func (s *Server) metrics() http.Handler {
	known := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusForbidden, "only a program of this machine may read the metrics: nobody can sign in here")
	}))
	if s.o.SignIn != nil {
		known = s.o.SignIn.Identify(s.o.SignIn.Required(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, _ := access.From(r.Context())
			if !who.May(access.Read, nil) || !who.DAGs.All() {
				s.fail(w, r, http.StatusForbidden, "metrics have names of all DAGs: use a token that is limited to none, with the role viewer or above")
				return
			}
			s.o.Metrics.ServeHTTP(w, r)
		})))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isHere(r) {
			s.o.Metrics.ServeHTTP(w, r)
			return
		}
		known.ServeHTTP(w, r)
	})
}

// isHere reports whether somebody on this machine asks, who may see what nobody signs in for. That can only be told as long as no proxy
// is known that sends here what comes from elsewhere: not every proxy says that it is one.
func (s *Server) isHere(r *http.Request) bool {
	return s.o.Base == "" && len(s.o.Proxies) == 0 && local(r)
}

// local reports whether a request comes from this machine and has come through no proxy, as far as that can be told.
func local(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() || !ours(r.Host) {
		return false
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return true
}
