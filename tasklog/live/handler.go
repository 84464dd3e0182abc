package live

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dingdag/dingdag/tasklog"
)

// HandlerOptions are what a [Handler] answers from. All but Log are required.
type HandlerOptions struct {
	// Dir is the log folder, Node the name of this machine, which must be meant.
	Dir, Node string
	// Local knows what of the folder is not in a store; [tasklog.Dir] where there is none.
	Local tasklog.Local
	Key   Key
	Clock func() time.Time
	// Log is the log of the process; nil discards it.
	Log *slog.Logger
}

// Handler answers other machines at [Path]: GET held?name= says what there is of a log ([tasklog.Held]), GET text?name= sends it,
// with the header Range a part, and with folder= only from the log folder that is called so. It sends files below the log folder that are logs, and nothing else: no link leads out of it.
type Handler struct {
	o   HandlerOptions
	mux *http.ServeMux
}

// NewHandler returns a handler.
func NewHandler(o HandlerOptions) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{o: o, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET "+heldPath, h.held)
	h.mux.HandleFunc("GET "+textPath, h.text)
	return h
}

// ServeHTTP answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// Who may not know gets no other answer for what is there than for what is not.
	if err := h.o.Key.check(r.Header.Get("Authorization"), h.o.Node, name, h.o.Clock()); err != nil {
		h.o.Log.Warn("another machine asked for a task log without a token that counts", "address", r.RemoteAddr, "error", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if err := tasklog.CheckName(name); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) held(w http.ResponseWriter, r *http.Request) {
	held, err := h.o.Local.Held(r.URL.Query().Get("name"))
	if err != nil {
		h.failed(w, err)
		return
	}
	b, err := json.Marshal(held)
	if err != nil {
		h.failed(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // nobody is left to tell
}

func (h *Handler) text(w http.ResponseWriter, r *http.Request) {
	f, err := h.open(r.URL.Query().Get("folder"), r.URL.Query().Get("name"))
	if errors.Is(err, fs.ErrNotExist) {
		http.Error(w, tasklog.ErrNone.Error(), http.StatusNotFound)
		return
	}
	if err != nil {
		h.failed(w, err)
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// open opens a file of the log folder, in which links may lead anywhere but out of it. A log folder with another name than
// folder, which may be empty, does not have it.
func (h *Handler) open(folder, name string) (*os.File, error) {
	if folder != "" {
		here, err := tasklog.Dir(h.o.Dir).Held(name)
		if err != nil {
			return nil, err
		}
		if here.Folder != folder {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	root, err := os.OpenRoot(h.o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // it was only looked into
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (h *Handler) failed(w http.ResponseWriter, err error) {
	h.o.Log.Error("a task log could not be shown to another machine", "error", err)
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
