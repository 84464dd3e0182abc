package page

import (
	"net/http"
	"strconv"
)

// Pager is which page of a list with numbered pages is shown.
type Pager struct{ Page, Pages int }

// Paged is page n of a list of so many items.
func Paged(n, items, perPage int) Pager { return Pager{n, max(1, (items+perPage-1)/perPage)} }

// Previous is the number of the page before it.
func (p Pager) Previous() int { return p.Page - 1 }

// Next is that of the one behind it.
func (p Pager) Next() int { return p.Page + 1 }

// mostPages bounds the numbers of pages.
const mostPages = 1_000_000

// At is the number of the page of a list that a request asks for, from 1.
func At(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostPages {
		return 0, Wrong("error.page")
	}
	return n, nil
}

// Choice is true, false or neither, which is empty.
func Choice(text string) (*bool, error) {
	switch text {
	case "":
		return nil, nil //nolint:nilnil // neither is an answer
	case "true", "false":
		return new(text == "true"), nil
	default:
		return nil, Wrong("error.choice")
	}
}
