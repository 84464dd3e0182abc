package http

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-resty/resty/v2"
)

// redirects follows redirects as Python's requests does, and sends no Referer, which would
// carry the query of the old URL, with a token in it, to another host.
func redirects(opts ExtraOptions) resty.RedirectPolicy {
	most := or(opts.MaxRedirects, 30) // as in requests
	follow := or(opts.AllowRedirects, true)
	return resty.RedirectPolicyFunc(func(next *http.Request, via []*http.Request) error {
		if !follow {
			return http.ErrUseLastResponse
		}
		if len(via) > most {
			return fmt.Errorf("more than %d redirects", most)
		}
		first, last := via[0], via[len(via)-1]
		if referer := first.Header.Get("Referer"); referer == "" {
			next.Header.Del("Referer")
		} else {
			next.Header.Set("Referer", referer)
		}
		if leaks(last.URL, next.URL) {
			next.Header.Del("Authorization")
		}
		return keepMethod(next, last)
	})
}

// keepMethod undoes that Go turns every method but HEAD into GET on 301. In requests only
// POST becomes GET then. The body would be lost, which for PUT and PATCH would replace what
// they mean to write by nothing: that is an error.
func keepMethod(next, last *http.Request) error {
	if next.Response == nil || next.Response.StatusCode != http.StatusMovedPermanently || last.Method == http.MethodPost {
		return nil
	}
	if last.ContentLength != 0 && last.Body != nil && last.Body != http.NoBody {
		return errors.New("the answer 301 redirects a " + last.Method + " to " + bare(next.URL) +
			", where its data would not be sent again: use that address")
	}
	next.Method = last.Method
	return nil
}

// leaks reports whether credentials for one address must not go to the other: the rule of
// requests, which lets them pass on the same host only, and from http to https on the ports
// of these.
func leaks(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return true
	}
	if from.Scheme == "http" && to.Scheme == "https" && standardPort(from) && standardPort(to) {
		return false
	}
	if from.Scheme == to.Scheme && standardPort(from) && standardPort(to) {
		return false
	}
	return from.Port() != to.Port() || from.Scheme != to.Scheme
}

func standardPort(u *url.URL) bool {
	return u.Port() == "" || u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443"
}
