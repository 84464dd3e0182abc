package whole_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requests are what a server was asked for about streams.
type requests struct {
	mu  sync.Mutex
	all []string
}

// add notes a request and returns how many there were before it.
func (a *requests) add(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := r.URL.RequestURI()
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		text += " after " + id
	}
	a.all = append(a.all, text)
	return len(a.all) - 1
}

func (a *requests) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// served is the address of a page with a script that may import ours, beside a stream.
func served(t *testing.T, body, script string, stream http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>x</title><link rel="icon" href="data:,"><body>%s<script type="module">%s</script>`, body, script)
	})
	mux.Handle("GET /files/", http.StripPrefix("/files", http.FileServer(http.Dir("../pages/static/files"))))
	mux.HandleFunc("GET /stream", stream)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// events answers with events, and ends.
func events(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprint(w, "retry: 10\n\n"+text)
}

// A stream that is answered with a fault, as by a proxy while the server starts, comes back; a browser alone would give it up.
func TestStreamsComeBack(t *testing.T) {
	t.Parallel()
	var all requests
	at := served(t, "", `
		import { stream } from "/files/stream.js";
		let n = 0;
		const s = stream(() => "/stream?n=" + n++, (s) => s.addEventListener("message", (e) => {
			document.body.append(e.data);
			if (e.data == "last") close();
		}), 10);
		function close() { s.close(); }`, func(w http.ResponseWriter, r *http.Request) {
		switch all.add(r) {
		case 0:
			http.Error(w, "the server starts", http.StatusBadGateway)
		case 1:
			http.Error(w, "too many", http.StatusServiceUnavailable)
		case 2:
			events(w, "id: 7\ndata: first\n\n")
		default:
			events(w, "data: last\n\n")
		}
	})
	tb := newTab(t, chromium(t), at)
	status, _ := tb.open(at)
	require.Equal(t, 200, status)
	tb.reads("firstlast")
	assert.Equal(t, []string{"/stream?n=0", "/stream?n=1", "/stream?n=2", "/stream?n=2 after 7"}, all.list())
}

// A log goes on behind what the page has, whoever lost the stream.
func TestLogsComeBack(t *testing.T) {
	t.Parallel()
	var all requests
	at := served(t, `<pre data-log="/stream?try_number=1&amp;from=3">one </pre>`, `import { logs } from "/files/log.js"; logs();`, func(w http.ResponseWriter, r *http.Request) {
		switch all.add(r) {
		case 0:
			events(w, "id: 8\ndata: {\"text\": \"two \"}\n\n")
		case 1:
			http.Error(w, "the server starts", http.StatusBadGateway)
		default:
			events(w, "id: 9\ndata: {\"text\": \"three\"}\n\nevent: over\ndata: \n\n")
		}
	})
	tb := newTab(t, chromium(t), at)
	status, _ := tb.open(at)
	require.Equal(t, 200, status)
	tb.reads("one two three")
	assert.Equal(t, []string{"/stream?try_number=1&from=3", "/stream?try_number=1&from=3 after 8", "/stream?try_number=1&from=8"}, all.list())
}
