package sqlvault

import (
	"context"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var errNoCipher = errors.New("the store was opened without a key")

// Write runs fn in a transaction of a store that writes, which is read and written over its connection too.
type Write func(ctx context.Context, fn func(store.Tx, sqlrow.Conn) error) error

// Keeper is what a store does for what it encrypts: all that [Secrets] do.
type Keeper interface {
	// Connections and Vault are what is encrypted, which ChangeVault changes.
	Connections() connections.Store
	Vault() connections.VaultReader
	ChangeVault(ctx context.Context, fn func(store.Tx, connections.Vault) error) error
	// Token and PutToken keep what applications sign in with.
	Token(ctx context.Context, key string) (AppToken, error)
	PutToken(ctx context.Context, key string, t AppToken) error
	// Seal encrypts a text that Open reads, and Derive makes a key of the key of the store.
	Seal(plain []byte, label string) (string, error)
	Open(sealed, label string) ([]byte, error)
	Derive(purpose string) ([]byte, error)
}

var _ Keeper = Secrets{}

// Secrets are what a store keeps encrypted, and what it encrypts for others. They are safe for concurrent use.
type Secrets struct {
	read   sqlrow.Conn
	write  Write
	cipher *connections.Cipher
}

// Open returns the secrets of a store that is read over a pool and written by transactions. Without a cipher there
// can be none. unlock, when set, gives the cipher in place of that once it is known whether anything is encrypted:
// a new key would not decrypt that. Its error is returned.
func Open(ctx context.Context, read sqlrow.Conn, write Write, cipher *connections.Cipher, unlock func(sealed bool) (*connections.Cipher, error)) (Secrets, error) {
	s := Secrets{read, write, cipher}
	if unlock == nil {
		return s, nil
	}
	sealed, err := sqlrow.Column[bool](ctx, read, `SELECT EXISTS (SELECT 1 FROM connection WHERE password IS NOT NULL OR extra IS NOT NULL)
		OR EXISTS (SELECT 1 FROM variable) OR EXISTS (SELECT 1 FROM app_token)`)
	if err != nil {
		return s, fmt.Errorf("look for what is encrypted: %w", err)
	}
	s.cipher, err = unlock(sealed[0])
	return s, err
}

// Connections is the store's connections.
func (s Secrets) Connections() connections.Store {
	return stored{connectionTable{s.read, s.cipher}, s}
}

// stored reads connections from the pool and writes them in transactions.
type stored struct {
	connections.Store
	s Secrets
}

// PutConnection is that of [connectionTable] in a transaction of its own.
func (c stored) PutConnection(ctx context.Context, conn *connections.Connection, overwrite bool) error {
	return c.s.write(ctx, func(_ store.Tx, w sqlrow.Conn) error {
		return connectionTable{w, c.s.cipher}.PutConnection(ctx, conn, overwrite)
	})
}

// DeleteConnection is that of [connectionTable] in a transaction of its own.
func (c stored) DeleteConnection(ctx context.Context, id string) error {
	return c.s.write(ctx, func(_ store.Tx, w sqlrow.Conn) error {
		return connectionTable{w, c.s.cipher}.DeleteConnection(ctx, id)
	})
}

// vault keeps connections and variables.
type vault struct {
	connections.Store
	connections.VariableStore
}

func (s Secrets) vault(c sqlrow.Conn) vault {
	return vault{connectionTable{c, s.cipher}, variableTable{c, s.cipher}}
}

// Vault reads the store's connections and variables.
func (s Secrets) Vault() connections.VaultReader { return s.vault(s.read) }

// ChangeVault lets fn change connections and variables in one transaction with other rows.
func (s Secrets) ChangeVault(ctx context.Context, fn func(store.Tx, connections.Vault) error) error {
	return s.write(ctx, func(tx store.Tx, c sqlrow.Conn) error { return fn(tx, s.vault(c)) })
}

// Token returns the access token that was put last under a key, or the zero value.
func (s Secrets) Token(ctx context.Context, key string) (AppToken, error) {
	return tokenTable{s.read, s.cipher}.Token(ctx, key)
}

// PutToken keeps an access token under a key, in place of the one before.
func (s Secrets) PutToken(ctx context.Context, key string, t AppToken) error {
	return s.write(ctx, func(_ store.Tx, c sqlrow.Conn) error { return tokenTable{c, s.cipher}.PutToken(ctx, key, t) })
}

// Seal encrypts what bears a right. Only Open with the same label decrypts it.
func (s Secrets) Seal(plain []byte, label string) (string, error) {
	if s.cipher == nil {
		return "", errNoCipher
	}
	return s.cipher.Seal(plain, label)
}

// Open decrypts what Seal returned.
func (s Secrets) Open(sealed, label string) ([]byte, error) {
	if s.cipher == nil {
		return nil, errNoCipher
	}
	return s.cipher.Open(sealed, label)
}

// Derive returns a key for a purpose, which differs from that of the cipher.
func (s Secrets) Derive(purpose string) ([]byte, error) {
	if s.cipher == nil {
		return nil, errNoCipher
	}
	return s.cipher.Derive(purpose)
}
