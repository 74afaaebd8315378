// Package pack turns somebody's HTTP program and its configuration into a product.Package: the
// folder becomes components below INSTALLDIR\app, the configuration is checked as the machine will
// read it, and every GUID follows from the product's upgrade code.
//
// It runs on any system and reads nothing but the folder and the files that it is given. What it
// leaves out, and what looks wrong without being so, is told (Plan.Report); what cannot work on the
// machine is refused, all of it at once, each with its cure.
package pack
