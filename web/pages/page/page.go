// Package page is what families of pages stand on: a request for one, who asks, and why something is refused. How a page looks
// is the business of package pages, which implements [Request] and has the templates.
package page

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/words"
)

// Visitor is who asks, and what he may do.
type Visitor struct {
	// Name is how he is called.
	Name string
	// SignOut is the address to which a form signs him out; empty where nobody signs in.
	SignOut string
	// Sees reports whether he may look at a DAG, Operates whether he may change its runs. Nil stands for all DAGs.
	Sees     func(id string, tags, owners []string) bool
	Operates func(id string, tags, owners []string) bool
	// Configures says that he may change what concerns all DAGs.
	Configures bool
}

// OperatesAll reports whether he may change the runs of all DAGs.
func (v Visitor) OperatesAll() bool { return v.Operates == nil }

// RefusedError says that a request is not carried out, in the words of the pages.
type RefusedError struct {
	Status int
	Text   words.Key
	// Err is more about it, or nil.
	Err error
}

// Error is for the log.
func (e *RefusedError) Error() string {
	if e.Err == nil {
		return string(e.Text)
	}
	return string(e.Text) + ": " + e.Err.Error()
}

// Unwrap is what it is about.
func (e *RefusedError) Unwrap() error { return e.Err }

// Forbidden refuses what somebody may not do.
func Forbidden() error { return &RefusedError{http.StatusForbidden, "error.forbidden", nil} }

// Configured lets only those in who may change what concerns all DAGs: connections, variables and users are not even shown to others.
func Configured(h Handler) Handler {
	return func(r Request) error {
		if !r.Who().Configures {
			return Forbidden()
		}
		return h(r)
	}
}

// Wrong refuses a value that nobody can mean.
func Wrong(text words.Key) error { return &RefusedError{http.StatusUnprocessableEntity, text, nil} }

// Status is 200, or that of a form with a mistake.
func Status(problem string) int {
	if problem != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// Moment is a field that is a moment in the zone of whoever asks, zero when it is empty.
func Moment(r Request, text string) (time.Time, error) {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}, nil
	}
	at, err := r.Moment(text)
	if err != nil {
		return at, &RefusedError{http.StatusUnprocessableEntity, "error.moment", err}
	}
	return at, nil
}

// Head is what is around the content of a page.
type Head struct {
	// Name is that of the template, Nav the entry of the navigation that the page belongs to.
	Name, Nav, Title string
	// Status is 200 when it is 0.
	Status int
	// Live says that the page follows changes: those of a DAG or of a run where they are named, else all.
	Live         bool
	DAGID, RunID string
}

// Request is one request for a page.
type Request interface {
	// HTTP is the request: its path, its query and the form that was sent with it, whose origin is proven.
	HTTP() *http.Request
	Who() Visitor
	Time() time.Time
	// Say is a text in the language of whoever asks.
	Say(key words.Key, about ...any) string
	// Moment reads a date and time in the zone of whoever asks.
	Moment(text string) (time.Time, error)
	Addresses
	Looks
	// Show answers with a page.
	Show(h Head, data any) error
	// Send answers with a file to keep.
	Send(name, kind string, content []byte) error
	// Go leads to another page, by an address that Link has made.
	Go(to string) error
	// Mistake is the text of an error that whoever asks has made or can mend, without secrets, or empty for any other one.
	Mistake(err error) string
	// Said is the text of any error, without secrets.
	Said(err error) string
	// Mask hides secrets in a text.
	Mask(text string) string
}

// Addresses are those of pages.
type Addresses interface {
	// Link is the address of a page by the parts of its path.
	Link(parts ...any) string
	// TaskLink is that of a task in a run; mapIndex is -1 for the task as a whole.
	TaskLink(dagID, runID, taskID string, mapIndex int) string
	// DAG is the DAG that the path of the request names, if whoever asks may look at it. tab is which of its pages is shown, empty
	// for one that is not of the DAG itself.
	DAG(tab string) (*DAG, error)
}

// Looks are how things are shown to whoever asks.
type Looks interface {
	// Zone is that of his times.
	Zone() *time.Location
	// Span is how long something is, in words.
	Span(d time.Duration) string
	// Counts are numbers by state, as a text.
	Counts(n map[string]int) string
}

// DAG is what every page about one begins with.
type DAG struct {
	*overview.Head

	// Operates says that whoever asks may change its runs.
	Operates bool
	// Tab is the page that is shown.
	Tab string
}

// Handler answers one request, or says why not.
type Handler func(Request) error

// Family are pages that belong together, by their paths.
type Family struct {
	// Shows answer GET and change nothing, Acts answer POST.
	Shows, Acts map[string]Handler
}

// Join puts families together.
func Join(all ...Family) Family {
	out := Family{map[string]Handler{}, map[string]Handler{}}
	for _, f := range all {
		maps.Copy(out.Shows, f.Shows)
		maps.Copy(out.Acts, f.Acts)
	}
	return out
}

// Number is a field of the path or of a form that is the number of something.
func Number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, Wrong("error.number")
	}
	return n, nil
}
