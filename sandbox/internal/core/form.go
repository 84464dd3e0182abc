package core

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Outsider is how the page names somebody from outside the organisation: this and the nick.
const Outsider = "outsider:"

// Form adds what a form of the page does, which works without script. Its field "back" is the query of
// the page to go back to. The way back is relative, so that it holds under a path prefix, too.
func (c *Core) Form(pattern string, do func(*http.Request) error) {
	c.mux.Handle(pattern, http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxAPIBody)
		err := r.ParseForm()
		if err == nil {
			err = do(r)
		}
		if err != nil {
			http.Error(w, err.Error(), apiStatus(err))
			return
		}
		back, err := url.ParseQuery(r.PostForm.Get("back"))
		if err != nil {
			back = url.Values{}
		}
		w.Header().Set("Location", strings.TrimSuffix("../?"+back.Encode(), "?"))
		w.WriteHeader(http.StatusSeeOther)
	})))
}

// Line is what somebody wrote, as the page shows it.
type Line struct {
	ID     string
	Time   time.Time
	Nick   string
	UserID string
	Text   string
	// After is the newest message of a robot or bot at that time.
	After int
	// Note says why no bot got it, or what went wrong.
	Note             string
	Recalled, Edited bool
}

// Talk is what the page asks of what people wrote. It is called under the lock.
type Talk interface {
	// Lines lists what was written in a conversation, oldest first.
	Lines(conversation string) []Line
}

// Cards is what the page asks of the cards. It is called under the lock.
type Cards interface {
	// Seen is what somebody sees of a card.
	Seen(outTrackID, userID string) (Content, bool)
}
