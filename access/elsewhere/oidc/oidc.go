// Package oidc lets people sign in at an OpenID provider, by the code flow with PKCE.
package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
)

// Name is that of the place in our paths.
const Name = "oidc"

const (
	// waitTime is how long the provider may take for one answer.
	waitTime = 10 * time.Second
	// freshTime is how long what it says of itself is taken for true.
	freshTime = time.Hour
	// againTime is when it is asked again after it did not answer.
	againTime = time.Minute
	// DefaultGroups is the claim with the groups of somebody.
	DefaultGroups = "groups"
)

// DefaultScopes are asked for unless others are set.
func DefaultScopes() []string { return []string{oidc.ScopeOpenID, "profile", "email"} }

// Options are what a [Provider] stands on. Issuer, ClientID, Rules and Clock are required.
type Options struct {
	// Issuer is the address of the provider, without the path of its discovery.
	Issuer, ClientID string
	// Secret is that of the client; nil for a public one.
	Secret func(context.Context) (connections.Secret, error)
	// Title is what people call the provider; the host of the issuer by default.
	Title string
	// Scopes are asked for; [DefaultScopes] when there are none.
	Scopes []string
	// UserClaim is the claim with the name of the user; preferred_username or else email by default.
	UserClaim string
	// Rules say who may do what.
	Rules Rules
	// Transport is what requests leave by; nil is that of net/http.
	Transport http.RoundTripper
	Clock     func() time.Time
}

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	o      Options
	client *http.Client

	asked atomic.Int64   // how often it was asked about itself
	turn  chan struct{}  // whoever asks, and reads what follows, holds it
	known *oidc.Provider // what it said of itself
	since time.Time
	fault error // of the last time
}

var _ elsewhere.Place = (*Provider)(nil)

// New returns a provider, which need not answer yet, or what is wrong with the options.
func New(o Options) (*Provider, error) {
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the issuer must be an https URL without user, query and fragment")
	case u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127."):
		return nil, errors.New("the issuer must be an https URL: only one on this machine may do without TLS")
	case o.ClientID == "":
		return nil, errors.New("the client_id is missing")
	}
	if o.Title == "" {
		o.Title = u.Host
	}
	if len(o.Scopes) == 0 {
		o.Scopes = DefaultScopes()
	}
	if !slices.Contains(o.Scopes, oidc.ScopeOpenID) {
		o.Scopes = append([]string{oidc.ScopeOpenID}, o.Scopes...)
	}
	if err := o.Rules.check(); err != nil {
		return nil, err
	}
	return &Provider{o: o, client: &http.Client{Timeout: waitTime, Transport: o.Transport}, turn: make(chan struct{}, 1)}, nil
}

// Name implements [elsewhere.Place].
func (*Provider) Name() string { return Name }

// Title implements it.
func (p *Provider) Title() string { return p.o.Title }

// Begin implements it.
func (p *Provider) Begin(ctx context.Context, t elsewhere.Trip) (string, error) {
	config, _, err := p.config(ctx, t)
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), nil
}

// Finish implements it.
func (p *Provider) Finish(ctx context.Context, t elsewhere.Trip, back url.Values) (*elsewhere.Person, error) {
	if failed := back.Get("error"); failed != "" {
		return nil, answered(failed)
	}
	if iss := back.Get("iss"); iss != "" && iss != p.o.Issuer { // RFC 9207
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.provider")}
	}
	config, known, err := p.config(ctx, t)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return nil, exchanged(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the provider sent no ID token: the client must be allowed the scope openid")
	}
	id, err := known.Verifier(&oidc.Config{ClientID: p.o.ClientID, Now: p.o.Clock}).Verify(ctx, raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ID token: %w", err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(t.Nonce)) != 1:
		return nil, &elsewhere.RefusedError{Reason: phrase.Of("refused.attempt")}
	}
	claims := Claims{}
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("claims of the ID token: %w", err)
	}
	if err := p.complete(ctx, known, config.TokenSource(ctx, token), id.Subject, claims); err != nil {
		return nil, err
	}
	return p.person(id.Subject, claims)
}

// config is how a trip is made, with what the provider says of itself.
func (p *Provider) config(ctx context.Context, t elsewhere.Trip) (*oauth2.Config, *oidc.Provider, error) {
	known, err := p.discovered(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := &oauth2.Config{ClientID: p.o.ClientID, Endpoint: known.Endpoint(), RedirectURL: t.Redirect, Scopes: p.o.Scopes}
	if p.o.Secret != nil {
		secret, err := p.o.Secret(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("the secret of the OpenID client: %w", err)
		}
		c.ClientSecret = secret.Reveal()
	}
	return c, known, nil
}

// discovered is what the provider says of itself. While it cannot be asked again, what it said before holds. Those who come while
// it is asked share the answer, so that they do not wait one after the other for one that is silent.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	asked := p.asked.Load()
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.turn }()
	now := p.o.Clock()
	if age := now.Sub(p.since); p.known != nil && age >= 0 && age < freshTime {
		return p.known, nil
	}
	if p.asked.Load() != asked && p.fault != nil {
		return nil, p.fault
	}
	// Its keys are looked for as long as the provider is used.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.o.Issuer)
	p.asked.Add(1)
	switch {
	case err == nil:
		p.known, p.since, p.fault = found, now, nil
	case p.known == nil:
		p.fault = fmt.Errorf("ask the OpenID provider %s about itself: %w", p.o.Issuer, err)
		return nil, p.fault
	default:
		p.since = now.Add(againTime - freshTime)
	}
	return p.known, nil
}

// complete adds the claims that the provider keeps for those who ask for them.
func (p *Provider) complete(ctx context.Context, known *oidc.Provider, token oauth2.TokenSource, subject string, claims Claims) error {
	missing := func(name string) bool { return len(claims.Values(name)) == 0 }
	if known.UserInfoEndpoint() == "" || !slices.ContainsFunc(p.wanted(), missing) {
		return nil
	}
	info, err := known.UserInfo(ctx, token)
	if err != nil {
		return fmt.Errorf("ask the OpenID provider about the user: %w", err)
	}
	if info.Subject != subject {
		return errors.New("the OpenID provider tells of another user than the one who has signed in")
	}
	more := Claims{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("claims of the user: %w", err)
	}
	for name, v := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = v
		}
	}
	return nil
}

// wanted are the claims that something here depends on.
func (p *Provider) wanted() []string {
	names := p.o.Rules.claims()
	if p.o.UserClaim != "" {
		return append(names, p.o.UserClaim)
	}
	return append(names, "preferred_username")
}

// person is who has these claims.
func (p *Provider) person(subject string, claims Claims) (*elsewhere.Person, error) {
	role, dags, err := p.o.Rules.of(claims)
	if err != nil {
		return nil, err
	}
	out := &elsewhere.Person{Issuer: p.o.Issuer, Subject: subject, FullName: claims.text("name"), Role: role, DAGs: dags}
	names := []string{"preferred_username", "email"}
	if p.o.UserClaim != "" {
		names = []string{p.o.UserClaim}
	}
	for _, name := range names {
		if v := claims.text(name); v != "" && (name != "email" || claims.verified()) {
			out.Names = append(out.Names, v)
		}
	}
	out.Names = append(out.Names, subject)
	return out, nil
}

// answered is the error that the provider has sent a browser back with.
func answered(code string) error {
	switch code {
	case "access_denied":
		return &elsewhere.RefusedError{Reason: phrase.Of("refused.there")}
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return &elsewhere.RefusedError{Reason: phrase.Of("refused.unfinished")}
	default:
		return fmt.Errorf("the OpenID provider answers %.60q", code)
	}
}

// exchanged is the error of a code that was not taken, without what was sent.
func exchanged(err error) error {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) {
		return fmt.Errorf("exchange the code: %w", err)
	}
	if said.ErrorCode == "invalid_grant" {
		return &elsewhere.RefusedError{Reason: phrase.Of("refused.used")}
	}
	return fmt.Errorf("exchange the code: the OpenID provider answers %d %.60q: %.200s", said.Response.StatusCode, said.ErrorCode, said.ErrorDescription)
}
