package hook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dingdag/dingdag/connections"
)

// Token is an access token of an app for one generation of the API.
type Token struct {
	Value                 connections.Secret
	ObtainedAt, ExpiresAt time.Time
}

// TokenStore shares tokens between processes, which DingTalk throttles when each asks
// for its own. Implementations are safe for concurrent use. Without one, tokens are
// shared within the hook.
type TokenStore interface {
	// Load returns the token that was saved last under a key, or the zero Token. The
	// key is a hash of up to 64 hexadecimal digits and holds no secret.
	Load(ctx context.Context, key string) (Token, error)
	// Save keeps a token under a key, in place of the one before.
	Save(ctx context.Context, key string, t Token) error
}

// WithTokenStore shares the access tokens of apps through s. When s fails, the hook
// logs it and works with tokens of its own.
func WithTokenStore(s TokenStore) Option {
	return func(h *DingdingHook) { h.tokens = s }
}

// noStore is the store of a hook that shares tokens with nobody else.
type noStore struct{}

func (noStore) Load(context.Context, string) (Token, error) { return Token{}, nil }
func (noStore) Save(context.Context, string, Token) error   { return nil }

// Tokens are refreshed between these two before they end, each process at another
// time, so that not all ask at once.
const (
	refreshAtLeast = 5 * time.Minute
	refreshAtMost  = 10 * time.Minute
)

// refreshAt is when a token is to be replaced. DingTalk may give out the old token
// again, near its end; asking for that with each call would be throttled.
func (t Token) refreshAt() time.Time {
	early := refreshAtLeast + rand.N(refreshAtMost-refreshAtLeast) //nolint:gosec // spreads load, hides nothing
	return t.ExpiresAt.Add(-min(early, t.ExpiresAt.Sub(t.ObtainedAt)/4))
}

// tokenSource holds the token of one application for one generation.
type tokenSource struct {
	store TokenStore
	key   string
	now   func() time.Time

	group     singleflight.Group
	mu        sync.Mutex
	current   Token
	refreshAt time.Time
}

// tokenKey names the token in a [TokenStore]. A new secret is a new key, so that a
// wrong one does not work by chance.
func tokenKey(s appSettings, g Generation) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q %q", g, s.base[g], s.appKey, s.appSecret))
	return hex.EncodeToString(sum[:])
}

// fetchToken asks DingTalk for a token.
type fetchToken func(context.Context) (Token, *Error)

// fetched is what one fetch gave to all that waited for it.
type fetched struct {
	token string
	err   *Error
	// stopped says that the caller whose fetch it was gave up.
	stopped bool
}

// get returns a token other than refused, which DingTalk has just turned down and
// which is empty for a first try. However many callers ask, one of them fetches, with
// its own context; when that one gives up, the next does.
func (s *tokenSource) get(ctx context.Context, refused string, fetch fetchToken, warn func(string, error)) (string, *Error) {
	for {
		if token, ok := s.fresh(refused); ok {
			return token, nil
		}
		var mine atomic.Bool
		done := s.group.DoChan(refused, func() (any, error) {
			mine.Store(true)
			token, err := s.renew(ctx, refused, fetch, warn)
			return fetched{token, err, ctx.Err() != nil}, nil
		})
		select {
		case <-ctx.Done():
			if mine.Load() {
				<-done // it ends with ctx
			}
			return "", &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: context.Cause(ctx)}
		case r := <-done:
			got := r.Val.(fetched)
			if got.err == nil {
				return got.token, nil
			}
			if !got.stopped || ctx.Err() != nil {
				own := *got.err // callers write their Op into it
				return "", &own
			}
		}
	}
}

// fresh returns the current token while it needs no refresh.
func (s *tokenSource) fresh(refused string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := s.current.Value.Reveal()
	return value, value != "" && value != refused && s.now().Before(s.refreshAt)
}

func (s *tokenSource) renew(ctx context.Context, refused string, fetch fetchToken, warn func(string, error)) (string, *Error) {
	if token, ok := s.fresh(refused); ok {
		return token, nil
	}
	stored, err := s.store.Load(ctx, s.key)
	if err != nil {
		warn("the shared access token cannot be read", err)
	}
	if value := stored.Value.Reveal(); value != "" && value != refused && s.now().Before(stored.refreshAt()) {
		s.keep(stored)
		return value, nil
	}
	token, e := fetch(ctx)
	if e != nil {
		if old, ok := s.alive(refused); ok && e.Retryable() {
			warn("the access token cannot be refreshed yet, the old one still works", e)
			return old, nil
		}
		return "", e
	}
	s.keep(token)
	if err := s.store.Save(ctx, s.key, token); err != nil {
		warn("the access token cannot be shared", err)
	}
	return token.Value.Reveal(), nil
}

func (s *tokenSource) keep(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.refreshAt = t, t.refreshAt()
}

// alive returns the current token while it works, refresh due or not.
func (s *tokenSource) alive(refused string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := s.current.Value.Reveal()
	return value, value != "" && value != refused && s.now().Before(s.current.ExpiresAt)
}
