package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
)

// officeRoutes are the routes for what apps work with. What is added comes back with
// its ids; an organisation is added whole.
func (s *Server) officeRoutes() map[string]func(*http.Request) (any, error) {
	return map[string]func(*http.Request) (any, error){
		"GET /sandbox/api/calls":      apiList("calls", Calls),
		"GET /sandbox/api/apps":       apiList("apps", s.Apps),
		"POST /sandbox/api/apps":      apiAdd(func(a App) (any, error) { return a, s.AddApp(a) }),
		"PUT /sandbox/api/apps/{key}": s.apiUpdateApp,
		"DELETE /sandbox/api/apps/{key}/tokens": func(r *http.Request) (any, error) {
			return object{"expired": s.ExpireTokens(r.PathValue("key"))}, nil
		},
		"POST /sandbox/api/organisation": apiAdd(func(o Organisation) (any, error) { return object{}, s.Seed(o) }),
		"GET /sandbox/api/departments":   apiList("departments", s.Departments),
		"POST /sandbox/api/departments":  apiAdd(func(d Department) (any, error) { return d, s.AddDepartment(d) }),
		"GET /sandbox/api/users":         apiList("users", s.Users),
		"POST /sandbox/api/users":        apiAdd(func(u User) (any, error) { return s.AddUser(u) }),
		"GET /sandbox/api/chats":         apiList("chats", s.Chats),
		"POST /sandbox/api/chats":        apiAdd(func(c Chat) (any, error) { return s.AddChat(c) }),
		"GET /sandbox/api/workspaces":    apiList("workspaces", s.Workspaces),
		"POST /sandbox/api/workspaces":   apiAdd(func(w Workspace) (any, error) { return s.AddWorkspace(w) }),
		"GET /sandbox/api/nodes":         apiList("nodes", s.Nodes),
		"POST /sandbox/api/nodes":        apiAdd(func(n Node) (any, error) { return s.AddNode(n) }),
		"POST /sandbox/api/workbooks":    apiAdd(func(w Workbook) (any, error) { return s.AddWorkbook(w) }),
		"GET /sandbox/api/workbooks/{id}": func(r *http.Request) (any, error) {
			sheets, err := s.Sheets(r.PathValue("id"))
			return object{"sheets": notNil(sheets)}, err
		},
		"GET /sandbox/api/cards/{id}":         func(r *http.Request) (any, error) { return s.Card(r.PathValue("id")) },
		"GET /sandbox/api/media/{id}":         func(r *http.Request) (any, error) { return s.Media(r.PathValue("id")) },
		"GET /sandbox/api/dings":              apiList("dings", s.Dings),
		"GET /sandbox/api/notices":            apiList("notices", s.Notices),
		"POST /sandbox/api/notices/{id}/read": s.apiReadNotice,
		"POST /sandbox/api/messages/read":     s.apiReadMessage,
	}
}

// apiList answers a list under a name.
func apiList[T any](name string, list func() []T) func(*http.Request) (any, error) {
	return func(*http.Request) (any, error) { return object{name: notNil(list())}, nil }
}

// apiAdd reads a value and adds it.
func apiAdd[T any](add func(T) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in T
		if err := readAPI(r, &in); err != nil {
			return nil, err
		}
		return add(in)
	}
}

// apiUpdateApp replaces the whole app; the key is the path's.
func (s *Server) apiUpdateApp(r *http.Request) (any, error) {
	var app App
	if err := readAPI(r, &app); err != nil {
		return nil, err
	}
	app.AppKey = r.PathValue("key")
	return app, s.UpdateApp(app)
}

// readers names who reads something.
type readers struct {
	Key   string   `json:"key,omitempty"`
	Users []string `json:"users"`
}

func (s *Server) apiReadNotice(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("notice %q: %w", r.PathValue("id"), ErrNotFound)
	}
	var in readers
	if err := readAPI(r, &in); err != nil {
		return nil, err
	}
	return object{}, s.ReadNotice(id, in.Users...)
}

func (s *Server) apiReadMessage(r *http.Request) (any, error) {
	var in readers
	if err := readAPI(r, &in); err != nil {
		return nil, err
	}
	return object{}, s.ReadMessage(in.Key, in.Users...)
}
