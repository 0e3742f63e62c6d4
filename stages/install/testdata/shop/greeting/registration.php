<?php
$GLOBALS['modules']['Tiny_Greeting'] = __DIR__;
