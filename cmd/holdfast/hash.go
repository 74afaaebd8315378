package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"holdfast/internal/identity"
)

// maxPassword bounds a password.
const maxPassword = 1024

func newHashCommand(c *console) *cobra.Command {
	var key bool
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Hash a password for basic_auth, or make an API key",
		Long: `Reads a password, twice in a terminal and one line otherwise, and prints its argon2id hash for a route's
basic_auth. The password is shown and kept nowhere.

With --api-key it makes a random key instead: the key is for the caller, the hash for a route's api_keys.`,
		Example: `  holdfast hash
  holdfast hash --api-key`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if key {
				return c.apiKey()
			}
			return c.hash()
		},
	}
	cmd.Flags().BoolVar(&key, "api-key", false, "make a random API key and its hash")
	return cmd
}

func (c *console) hash() error {
	password, err := c.password()
	if err != nil {
		return err
	}
	hash, err := identity.HashPassword(password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, hash)
	return err
}

func (c *console) apiKey() error {
	key := rand.Text()
	sum := sha256.Sum256([]byte(key))
	hash := "sha256:" + hex.EncodeToString(sum[:])
	return c.show(map[string]string{"key": key, "hash": hash}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Key for the caller, shown only now: %s\nHash for api_keys.keys:             %s\n", key, hash)
		return err
	})
}

// password reads one without showing it.
func (c *console) password() (string, error) {
	f, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.in, maxPassword+2)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return goodPassword(strings.TrimRight(line, "\r\n"))
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "Once more: "} {
		if _, err := fmt.Fprint(c.err, prompt); err != nil {
			return "", err
		}
		data, err := term.ReadPassword(int(f.Fd()))
		if _, lineErr := fmt.Fprintln(c.err); err == nil {
			err = lineErr
		}
		if err != nil {
			return "", err
		}
		typed[i] = string(data)
	}
	if typed[0] != typed[1] {
		return "", &exitError{exitUsage, errors.New("the two are different; nothing was hashed")}
	}
	return goodPassword(typed[0])
}

func goodPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", &exitError{exitUsage, errors.New("no password: type one, or write it to the standard input")}
	case len(password) > maxPassword:
		return "", &exitError{exitUsage, fmt.Errorf("a password has at most %d bytes", maxPassword)}
	}
	return password, nil
}
