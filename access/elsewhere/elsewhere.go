// Package elsewhere is the contract of places at which people sign in instead of here, with OAuth 2.
package elsewhere

import (
	"context"
	"net/url"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/phrase"
)

// Trip is the way of one browser to such a place and back. All but Redirect are random, and known to that browser and to us
// alone.
type Trip struct {
	// State comes back with the browser, so that nobody sends another one on with an answer of his own.
	State string `json:"state"`
	// Nonce must be in what the place says, and Verifier gets it (PKCE), so that an answer is of use on this trip alone.
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	// Redirect is where the browser is to come back.
	Redirect string `json:"redirect"`
}

// Place is where people sign in.
type Place interface {
	// Name is the part of our paths that stands for the place.
	Name() string
	// Title is what people call it.
	Title() string
	// Begin is the address that a browser is sent to.
	Begin(ctx context.Context, t Trip) (string, error)
	// Finish says who has come back, with what the browser brought along. The error is a [*RefusedError] for somebody who
	// may not sign in; any other one means that it may go well later.
	Finish(ctx context.Context, t Trip, back url.Values) (*Person, error)
}

// Person is somebody who has signed in elsewhere.
type Person struct {
	// Issuer and Subject name him for good: where, and who there.
	Issuer, Subject string
	// Names are what he may be called as a user, the best first.
	Names []string
	// FullName is how he is called; empty when nobody says.
	FullName string
	// Role and DAGs are what he may; all DAGs when there are none.
	Role access.Role
	DAGs []string
}

// RefusedError says why somebody may not sign in, to him.
type RefusedError struct{ Reason phrase.Text }

// Error is the reason.
func (e *RefusedError) Error() string { return e.Said().String() }

// Said is the reason in each language.
func (e *RefusedError) Said() phrase.Text { return phrase.Of("refused.is", e.Reason) }
