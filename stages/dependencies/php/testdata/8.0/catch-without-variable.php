<?php
namespace Shop;
try { a(); } catch (A) { new B; } catch (\C|Sub\D) { } catch (namespace\E | F) { throw new G; }
