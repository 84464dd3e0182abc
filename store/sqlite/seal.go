package sqlite

import "errors"

var errNoCipher = errors.New("the store was opened without a key")

// Seal encrypts what bears a right, with [Options.Cipher]. Only Open with the same label decrypts it.
func (s *Store) Seal(plain []byte, label string) (string, error) {
	if s.opts.Cipher == nil {
		return "", errNoCipher
	}
	return s.opts.Cipher.Seal(plain, label)
}

// Open decrypts what Seal returned.
func (s *Store) Open(sealed, label string) ([]byte, error) {
	if s.opts.Cipher == nil {
		return nil, errNoCipher
	}
	return s.opts.Cipher.Open(sealed, label)
}

// Derive returns a key for a purpose, which differs from that of [Options.Cipher].
func (s *Store) Derive(purpose string) ([]byte, error) {
	if s.opts.Cipher == nil {
		return nil, errNoCipher
	}
	return s.opts.Cipher.Derive(purpose)
}
