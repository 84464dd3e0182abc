// Package oidctest is an OpenID provider for tests: discovery, keys, the code flow with PKCE, and user info. Whoever comes to its
// address for signing in is signed in at once, as the user that the test has set.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"
)

// The client that the provider knows.
const (
	ClientID = "dingdag"
	Secret   = "cl13nt-s3cret"
)

// Provider is an OpenID provider. The fields may be changed under [Provider.Set].
type Provider struct {
	// URL is the issuer.
	URL string
	// Redirects are where the client may have browsers sent back to; none lets all be.
	Redirects []string
	// Claims are what the ID token says of whoever signs in, sub among them; Info what user info adds.
	Claims, Info map[string]any
	// Denies is the error with which browsers come back instead.
	Denies string
	// Spoil changes an ID token before it is signed; Forge the token itself.
	Spoil func(claims map[string]any)
	Forge func(token string) string
	// Down lets all requests fail.
	Down bool
	// Clock is the time of the tokens.
	Clock func() time.Time

	mu    sync.Mutex
	key   *rsa.PrivateKey
	codes map[string]url.Values // what each code was asked for with
	// Exchanges is how many codes were taken.
	Exchanges int
}

// Start starts a provider, which ends with the test.
func Start(tb testing.TB) *Provider {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(tb, err)
	p := &Provider{
		key: key, codes: map[string]url.Values{}, Clock: time.Now, //nolint:forbidigo // the clock starts here
		Claims: map[string]any{"sub": "u-1", "preferred_username": "ann", "name": "Ann Example"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.Down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(srv.Close)
	p.URL = srv.URL
	return p
}

// Set changes the provider.
func (p *Provider) Set(change func(*Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // nobody is left to tell
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
}

// authorize sends a browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	allowed := len(p.Redirects) == 0
	for _, to := range p.Redirects {
		allowed = allowed || to == q.Get("redirect_uri")
	}
	if err != nil || !allowed || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}, "iss": {p.URL}}
	if p.Denies != "" {
		answer.Set("error", p.Denies)
	} else {
		code := rand.Text()
		p.codes[code] = q
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // that is what a provider does
}

// token takes a code, once, from the client that it was made for.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	if id != ClientID || secret != Secret {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "the client is not known"})
		return
	}
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		subtle.ConstantTimeCompare([]byte(asked.Get("code_challenge")), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) != 1 {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	p.Exchanges++
	now := p.Clock()
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": asked.Get("nonce")}
	maps.Copy(claims, p.Claims)
	if p.Spoil != nil {
		p.Spoil(claims)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "1"}}, nil)
	var token string
	if err == nil {
		token, err = jwt.Signed(signer).Claims(claims).Serialize()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if p.Forge != nil {
		token = p.Forge(token)
	}
	answer(w, http.StatusOK, map[string]any{"access_token": "at-" + rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": token})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	if len(r.Header.Get("Authorization")) < len("Bearer at-x") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	info := map[string]any{"sub": p.Claims["sub"]}
	maps.Copy(info, p.Info)
	answer(w, http.StatusOK, info)
}
