package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
)

// StorePath is where the store of the home folder is unless it is in a database. The settings have been read.
func (h *Home) StorePath() string { return h.storePath() }

// HideDatabase hides the URL of a database, and its password, in what the command prints.
func (h *Home) HideDatabase(url string) {
	h.Masker().Add(secretsOfDatabase(url)...)
	h.MaskOutput()
}

// OpenFile opens the store in the file of a home folder alone: nobody works there, and nobody begins to until the command ends. What is
// encrypted is read with the key of h, the home folder of the command, which may be another one. The settings have been read.
func (h *Home) OpenFile(ctx context.Context, folder string) (*sqlite.Store, error) {
	c := *h.Settings
	c.Home, c.DatabaseURL = folder, ""
	from := &Home{IO: h.IO, Clock: h.Clock, Settings: &c, masker: h.Masker()}
	path := from.storePath()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store in %s: name the home folder that has dingdag.db", folder)
	} else if err != nil {
		return nil, err
	}
	h.OnClose(from.Close)
	if err := from.Lock(); err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, path, sqlite.Options{Synchronous: c.Synchronous, Unlock: h.cipher, Log: slog.New(slog.DiscardHandler), ReadOnly: readOnly(path)})
	if err != nil {
		return nil, err
	}
	from.OnClose(s.Close)
	return s, nil
}

// OpenCopy opens the database of a URL into which a store is copied. The settings have been read.
func (h *Home) OpenCopy(ctx context.Context, url string) (*postgres.Store, error) {
	s, err := postgres.Open(ctx, url, postgres.Options{Node: h.Node(), Unlock: h.cipher, Copying: true})
	if err != nil {
		return nil, err
	}
	h.OnClose(s.Close)
	return s, nil
}
