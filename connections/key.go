package connections

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the length of a [Cipher] key in bytes.
const KeySize = 32

// ParseKey reads a key from base64 text, standard or URL-safe, with or without
// padding. Airflow's Fernet keys have this form too.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("key is not base64 of %d bytes; make one with `openssl rand -base64 %d`", KeySize, KeySize)
	}
	return key, nil
}

// LoadOrCreateKey reads the key from a file, or makes a random one and writes it
// there as base64, readable by its owner only (mode 0600). It never overwrites a
// file, and of several processes that start at once all get the same key.
func LoadOrCreateKey(path string) ([]byte, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	return LoadKey(path)
}

// LoadKey reads the key from a file. The error of one that is not there is [fs.ErrNotExist].
func LoadKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the person running dingdag names the file
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// createKey writes the key to a file of its own (O_EXCL, 0600) and links it into
// place, which fails if path exists. So nobody ever reads half a key, and a crash
// leaves no empty key file behind.
func createKey(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
