<?php
namespace Shop;;
;;
class A { }
