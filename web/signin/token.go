package signin

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access/accounts"
)

// cliLife is how long a token for a command line is good for.
const cliLife = time.Hour

func (g *Gate) loginTo(path, next string) string {
	return g.path + path + "?" + url.Values{"next": {SafeNext(next)}}.Encode()
}

// token gives a program an access token for a name and a password, as Airflow does.
func (g *Gate) token(w http.ResponseWriter, r *http.Request) { g.give(w, r, accounts.AccessLife, true) }

// tokenCLI gives one that is good for less, and takes JSON alone.
func (g *Gate) tokenCLI(w http.ResponseWriter, r *http.Request) { g.give(w, r, cliLife, false) }

func (g *Gate) give(w http.ResponseWriter, r *http.Request, life time.Duration, forms bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	name, password, status, detail := credentials(r, forms)
	if status != 0 {
		g.answer(w, status, detail)
		return
	}
	u, err := g.o.Accounts.Verify(r.Context(), name, password, Address(r))
	if err != nil {
		g.refuse(w, r, err)
		return
	}
	token, err := g.o.Accounts.Access(r.Context(), u, life, Address(r))
	if err != nil {
		g.refuse(w, r, err)
		return
	}
	g.send(w, http.StatusCreated, map[string]string{"access_token": token.Reveal()})
}

// fault is what is wrong with a body, as Airflow says it.
type fault struct {
	Type  string `json:"type"`
	Loc   []any  `json:"loc"`
	Msg   string `json:"msg"`
	Input any    `json:"input"`
}

// credentials reads the body of a request for a token. The status is 0, or that of what is wrong. No answer shows what was sent.
func credentials(r *http.Request, forms bool) (name, password string, status int, detail any) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	given := map[string]any{}
	switch {
	case kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"):
		if status, detail := readJSON(r, &given); status != 0 {
			return "", "", status, detail
		}
	case forms && kind == "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return "", "", http.StatusBadRequest, "the form cannot be read"
		}
		for k := range r.PostForm {
			given[k] = r.PostForm.Get(k)
		}
		delete(given, "grant_type")
	default:
		return "", "", http.StatusUnsupportedMediaType, "send the user name and the password as application/json"
	}
	var faults []fault
	text := func(field string) string {
		v, ok := given[field]
		s, isText := v.(string)
		switch {
		case !ok:
			faults = append(faults, fault{"missing", []any{"body", field}, "Field required", map[string]any{}})
		case !isText:
			faults = append(faults, fault{"string_type", []any{"body", field}, "Input should be a valid string", nil})
		}
		return s
	}
	name, password = text("username"), text("password")
	var more []string
	for k := range given {
		if k != "username" && k != "password" {
			more = append(more, k)
		}
	}
	slices.Sort(more)
	for _, k := range more {
		faults = append(faults, fault{"extra_forbidden", []any{"body", k}, "Extra inputs are not permitted", nil})
	}
	switch {
	case len(faults) > 0:
		return "", "", http.StatusUnprocessableEntity, faults
	case name == "" && password == "":
		return "", "", http.StatusBadRequest, "Username and password must be provided"
	}
	return name, password, 0, nil
}

// readJSON reads one JSON object.
func readJSON(r *http.Request, to *map[string]any) (status int, detail any) {
	b, err := io.ReadAll(r.Body)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return http.StatusRequestEntityTooLarge, "the request is too long"
	case err != nil:
		return http.StatusBadRequest, "the request cannot be read"
	case len(b) == 0:
		return http.StatusUnprocessableEntity, []fault{{"missing", []any{"body"}, "Field required", nil}}
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return http.StatusUnprocessableEntity, []fault{{"json_invalid", []any{"body", 0}, "JSON decode error", map[string]any{}}}
	}
	object, ok := v.(map[string]any)
	if !ok {
		return http.StatusUnprocessableEntity, []fault{{"model_attributes_type", []any{"body"}, "Input should be a valid dictionary or object to extract fields from", nil}}
	}
	*to = object
	return 0, nil
}
