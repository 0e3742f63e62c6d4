<?php
namespace Shop;
A::{$b}; C::{'D' . E}; F::{G::H}; static::{I}; $j::{K::L}; M::{N::O}::{P}; Q::{'r'}(S);
