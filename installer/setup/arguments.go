package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The arguments after the verb. Each has a value, often an empty one; wix/actions.wxs writes all of them.
const (
	argRestricted     = "restricted"      // RestrictedUserControl: who runs this is no administrator
	argProduct        = "product"         // UpgradeCode: what all versions of one product share
	argName           = "name"            // of the service: the identity
	argDisplay        = "display"         // ProductName
	argVersion        = "version"         // what holdfast.exe says of itself
	argProductVersion = "product-version" // ProductVersion
	argInstall        = "install"         // INSTALLDIR and a dot
	argData           = "data"            // DATADIR and a dot
	argAccount        = "account"         // HF_ACCOUNT
	argAddress        = "address"         // HF_ADDRESS
	argPort           = "port"            // HF_PORT
	argFirewall       = "firewall"        // HF_FIREWALL
	argStart          = "start"           // HF_STARTTYPE
	argTimeout        = "timeout"         // HF_HEALTHTIMEOUT
	argConfig         = "config"          // HF_CONFIG
	argPurge          = "purge"           // HF_PURGE
	argInstalled      = "installed"       // Installed
	argRemove         = "remove"          // ALL when the product is removed
	argUpgrading      = "upgrading"       // UPGRADINGPRODUCTCODE: who removes us to take our place
	argOlder          = "older"           // product codes of those whose place we take
	argApps           = "apps"            // ready: the start counts when the apps are ready, too
)

func knownArguments() []string {
	return append([]string{
		argRestricted, argProduct, argName, argDisplay, argVersion, argProductVersion, argInstall, argData, argAccount, argAddress, argPort, argFirewall,
		argStart, argTimeout, argConfig, argPurge, argInstalled, argRemove, argUpgrading, argOlder, argApps,
	}, testArguments()...)
}

// valueMax is more than any value can need.
const valueMax = 1024

// parseArguments takes VERB and pairs of --flag and value. It is strict, because the values come from a
// command line that somebody else may have written: a quotation mark or a final backslash in one would
// move the borders of those behind it, and then one is there twice, unknown, or without a value.
// With an error, given is what came before it.
func parseArguments(args []string) (verb string, given map[string]string, err error) {
	if len(args) == 0 {
		return "", nil, errors.New("say which action: setup VERB --name NAME and the rest")
	}
	verb, args = args[0], args[1:]
	known := knownArguments()
	given = map[string]string{}
	for len(args) > 0 {
		name, flag := strings.CutPrefix(args[0], "--")
		if !flag || !slices.Contains(known, name) {
			return verb, given, fmt.Errorf("%q is no argument of setup", args[0])
		}
		if _, twice := given[name]; twice {
			return verb, given, fmt.Errorf("--%s is given twice", name)
		}
		if len(args) == 1 {
			return verb, given, fmt.Errorf("--%s has no value", name)
		}
		if err := checkValue(args[1]); err != nil {
			return verb, given, fmt.Errorf("--%s: %w", name, err)
		}
		given[name], args = args[1], args[2:]
	}
	return verb, given, nil
}

func checkValue(value string) error {
	switch {
	case len(value) > valueMax:
		return fmt.Errorf("the value is longer than %d bytes", valueMax)
	case strings.Contains(value, `"`):
		return errors.New("the value has a quotation mark")
	case !utf8.ValidString(value) || strings.ContainsRune(value, utf8.RuneError):
		return errors.New("the value is no text")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the value has a control character")
	}
	return nil
}
