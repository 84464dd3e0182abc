package rest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	taken "github.com/dingdag/dingdag/web/route"
)

// router finds the call for a path. Of two patterns for one path it takes the one whose text matches first,
// from the left, as in …/{task_id}/tries/{n} and …/{task_id}/{map_index}/tries, which [http.ServeMux] refuses.
// A part of a path is unescaped after the path is taken apart, so that an id may have a slash.
type router struct{ root node }

// node is a place between two parts of a path.
type node struct {
	texts map[string]*node
	one   *node // whatever the part is
	rest  *node // all parts from here on
	// calls are those that end here, by method.
	calls map[string]*route
}

type route struct {
	pattern string
	names   []string
	handler http.HandlerFunc
}

// HandleFunc adds a call for a pattern such as "GET /dags/{dag_id}".
func (rt *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	n, r := &rt.root, &route{pattern: path, handler: handler}
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		name, isName := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case isName && strings.HasSuffix(name, "..."):
			r.names = append(r.names, strings.TrimSuffix(name, "..."))
			n = grown(&n.rest)
		case isName:
			r.names = append(r.names, name)
			n = grown(&n.one)
		default:
			if n.texts == nil {
				n.texts = map[string]*node{}
			}
			next := n.texts[part]
			n.texts[part] = grown(&next)
			n = next
		}
	}
	if n.calls == nil {
		n.calls = map[string]*route{}
	}
	if n.calls[method] != nil {
		panic(fmt.Sprintf("rest: %s is registered twice", pattern))
	}
	n.calls[method] = r
}

func grown(n **node) *node {
	if *n == nil {
		*n = &node{}
	}
	return *n
}

// at is the place where a path ends that has calls, with the parts that have names.
func (rt *router) at(u *url.URL) (map[string]*route, []string) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil {
			return nil, nil
		}
		parts[i] = text
	}
	return rt.root.find(parts, nil)
}

func (n *node) find(parts, values []string) (map[string]*route, []string) {
	if len(parts) == 0 {
		return n.calls, values
	}
	if next := n.texts[parts[0]]; next != nil {
		if calls, found := next.find(parts[1:], values); calls != nil {
			return calls, found
		}
	}
	values = slices.Clip(values)
	if n.one != nil && parts[0] != "" {
		if calls, found := n.one.find(parts[1:], append(values, parts[0])); calls != nil {
			return calls, found
		}
	}
	if n.rest != nil {
		return n.rest.calls, append(values, strings.Join(parts, "/"))
	}
	return nil, nil
}

// methods are those that a path has.
func methods(calls map[string]*route) []string {
	all := slices.Sorted(maps.Keys(calls))
	if calls[http.MethodGet] != nil {
		all = append(all, http.MethodHead)
		slices.Sort(all)
	}
	return slices.Compact(all)
}

// of is the call of a method; GET answers HEAD too.
func of(calls map[string]*route, method string) *route {
	if r := calls[method]; r != nil || method != http.MethodHead {
		return r
	}
	return calls[http.MethodGet]
}

// ServeHTTP answers a request whose path has a call.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	calls, values := rt.at(r.URL)
	call := of(calls, r.Method)
	if call == nil {
		http.NotFound(w, r)
		return
	}
	for i, name := range call.names {
		r.SetPathValue(name, values[i])
	}
	taken.Note(r, call.pattern)
	call.handler(w, r)
}

// namesIn are the names of the parts of a path.
func namesIn(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
	return names
}
