package pages

import (
	"errors"
	"net/http"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

// errNoPage says that there is no page with the path.
var errNoPage = errors.New("no such page")

// refusedError says that a request is not carried out, in the words of the pages.
type refusedError struct {
	status int
	text   words.Key
	err    error // more about it, or nil
}

func (e *refusedError) Error() string {
	if e.err == nil {
		return string(e.text)
	}
	return string(e.text) + ": " + e.err.Error()
}

func (e *refusedError) Unwrap() error { return e.err }

// failure is what the page of an error shows.
type failure struct {
	Status int
	Title  words.Key
	// Text says what to do, Detail what exactly is wrong; either may be empty.
	Text   words.Key
	Detail phrase.Text
}

// fail answers with the page of an error. Those that are nobody's mistake are logged, and their text is not shown.
func (p *Pages) fail(v *view, err error) {
	f := failureOf(err)
	if f.Status == http.StatusInternalServerError {
		p.o.Log.Error("answer a page", "path", v.r.URL.Path, "error", p.masked(err))
	}
	v.Title = v.say(f.Title)
	if rerr := v.render(f.Status, "error", f); rerr != nil {
		p.o.Log.Error("answer a page", "path", v.r.URL.Path, "error", p.masked(rerr))
		http.Error(v.w, "the page cannot be written: the log says why", http.StatusInternalServerError)
	}
}

// failureOf is the page of an error.
func failureOf(err error) failure {
	if r, ok := errors.AsType[*page.RefusedError](err); ok {
		err = &refusedError{r.Status, r.Text, r.Err}
	}
	if refused, ok := errors.AsType[*refusedError](err); ok {
		f := failure{Status: refused.status, Title: "error.refused", Text: refused.text}
		if refused.err != nil {
			f.Detail = phrase.Said(refused.err)
		}
		return f
	}
	if _, ok := errors.AsType[*api.BrokenError](err); ok {
		return failure{http.StatusConflict, "error.broken", "error.broken_help", phrase.Said(err)}
	}
	_, invalid := errors.AsType[*vault.InvalidError](err)
	if _, ok := errors.AsType[*api.FieldError](err); ok || invalid {
		return failure{http.StatusUnprocessableEntity, "error.field", "", phrase.Said(err)}
	}
	if _, ok := errors.AsType[*vault.ElsewhereError](err); ok {
		return failure{http.StatusConflict, "error.refused", "", phrase.Said(err)}
	}
	if _, ok := errors.AsType[*api.FolderError](err); ok {
		return failure{http.StatusServiceUnavailable, "error.folder", "error.folder_help", phrase.Said(err)}
	}
	if _, ok := errors.AsType[*api.ConflictError](err); ok {
		return failure{http.StatusConflict, "error.conflict", "error.conflict_help", phrase.Said(err)}
	}
	switch _, elsewhere := errors.AsType[*api.NotScheduledError](err); {
	case errors.Is(err, errNoPage):
		return failure{http.StatusNotFound, "error.no_page", "error.no_page_help", phrase.Text{}}
	case errors.Is(err, api.ErrNotFound):
		return failure{http.StatusNotFound, "error.not_found", "", phrase.Said(err)}
	case errors.Is(err, api.ErrExists), errors.Is(err, api.ErrPaused), errors.Is(err, api.ErrNoSchedule), errors.Is(err, api.ErrEnded), errors.Is(err, api.ErrAtWork), elsewhere:
		return failure{http.StatusConflict, "error.conflict", "error.conflict_help", phrase.Said(err)}
	default:
		return failure{http.StatusInternalServerError, "error.internal", "error.internal_help", phrase.Text{}}
	}
}

// masked is the text of an error without secrets.
func (p *Pages) masked(err error) string { return p.mask(err.Error()) }

// mask is a text without secrets.
func (p *Pages) mask(text string) string {
	if p.o.Mask == nil {
		return text
	}
	return p.o.Mask(text)
}
